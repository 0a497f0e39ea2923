//! The servers that are compared.
//!
//! Heliostat itself; the yardstick of `constant.rs`; and nginx with a file. Each has one core, its
//! own port on loopback, and is ready when it has answered once.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use anyhow::{Context, Result, bail};
use heliostat_snapshot::Snapshot;
use heliostat_snapshot::records::UrlRow;

use crate::child::{self, Child};
use crate::client::{Reply, fetch_once};
use crate::inputs::Inputs;
use crate::machine::Machine;
use crate::targets::request;

/// A running server.
#[derive(Debug)]
pub struct Server {
    /// What stands in the tables.
    pub name: &'static str,
    /// Where it listens.
    pub address: SocketAddr,
    /// Its process.
    pub child: Child,
    /// From its start to its first answer.
    pub started_after: Duration,
}

/// What an average answer of Heliostat looks like, for the others to imitate.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The path of the answer.
    pub path: &'static str,
    /// Its mean length.
    pub body_bytes: usize,
    /// The mean number of its URLs.
    pub urls: usize,
    /// Its headers, without length and date, which every server adds itself.
    pub headers: Vec<(String, String)>,
}

/// Heliostat with a snapshot and a country database.
///
/// # Errors
///
/// When it does not answer within a minute.
pub fn heliostat(inputs: &Inputs, snapshot: &Path, machine: &Machine) -> Result<Server> {
    let address = free_address()?;
    let arguments = [
        "serve".to_owned(),
        "--snapshot".to_owned(),
        text(snapshot),
        "--listen".to_owned(),
        address.to_string(),
        "--geoip-country".to_owned(),
        text(&inputs.geoip),
    ];
    let log = inputs.folder.join("heliostat.log");
    let program = built("heliostat")?;
    start("Heliostat", &program, &arguments, address, machine, &log, "/readyz")
}

/// The yardstick: a constant body for each sample.
///
/// # Errors
///
/// When it does not answer within a minute.
pub fn constant(samples: &[Sample], inputs: &Inputs, machine: &Machine) -> Result<Server> {
    bodies("constant", &[], samples, inputs, machine)
}

/// The floor: each body put together from as many pieces as an answer has URLs, any of as many as
/// the snapshot has.
///
/// # Errors
///
/// When the snapshot cannot be read, or the server does not answer within a minute.
pub fn gathered(
    snapshot: &Path,
    samples: &[Sample],
    inputs: &Inputs,
    machine: &Machine,
) -> Result<Server> {
    let count = Snapshot::open(snapshot)?.rows::<UrlRow>().len();
    let pieces = |sample: &Sample| format!("{}={}/{count}", sample.path, sample.urls);
    let pieces = samples.iter().map(|sample| ["--pieces".to_owned(), pieces(sample)]);
    bodies("gathered", &pieces.flatten().collect::<Vec<_>>(), samples, inputs, machine)
}

fn bodies(
    name: &'static str,
    more: &[String],
    samples: &[Sample],
    inputs: &Inputs,
    machine: &Machine,
) -> Result<Server> {
    let address = free_address()?;
    let mut arguments = vec!["--listen".to_owned(), address.to_string()];
    arguments.extend_from_slice(more);
    for sample in samples {
        arguments.extend(["--body".to_owned(), format!("{}={}", sample.path, sample.body_bytes)]);
        for (name, value) in &sample.headers {
            arguments.extend(["--header".to_owned(), format!("{}={name}: {value}", sample.path)]);
        }
    }
    let log = inputs.folder.join(format!("{name}.log"));
    let program = built("heliostat-bench-constant")?;
    start(name, &program, &arguments, address, machine, &log, samples[0].path)
}

/// nginx with one file per path; `None` when it is not installed.
///
/// # Errors
///
/// When it does not answer within a minute.
pub fn nginx(samples: &[Sample], inputs: &Inputs, machine: &Machine) -> Result<Option<Server>> {
    let Some(program) = child::find("nginx") else { return Ok(None) };
    let address = free_address()?;
    let folder = inputs.folder.join("nginx");
    fs::create_dir_all(&folder)?;
    let mut locations = String::new();
    for sample in samples {
        let file = folder.join(format!("{}.body", sample.path.trim_start_matches('/')));
        fs::write(&file, vec![b'x'; sample.body_bytes])?;
        let kind = sample.headers.iter().find(|(name, _)| name == "content-type");
        let kind = kind.map_or("text/plain", |(_, value)| value.as_str());
        locations += &format!(
            "location = {} {{ default_type \"{kind}\"; alias {}; }}\n",
            sample.path,
            file.display()
        );
    }
    let configuration = NGINX
        .replace("FOLDER", &text(&folder))
        .replace("ADDRESS", &address.to_string())
        .replace("LOCATIONS", &locations);
    let file = folder.join("nginx.conf");
    fs::write(&file, configuration)?;
    let error_log = text(&folder.join("error.log"));
    let arguments = ["-e", &error_log, "-p", &text(&folder), "-c", &text(&file)].map(str::to_owned);
    let log = folder.join("start.log");
    start("nginx", &program, &arguments, address, machine, &log, samples[0].path).map(Some)
}

/// A program that was built beside this one.
///
/// # Errors
///
/// When it was not.
pub fn built(name: &str) -> Result<PathBuf> {
    let program = env::current_exe()?.with_file_name(name);
    anyhow::ensure!(program.is_file(), "{} is not built", program.display());
    Ok(program)
}

/// Starts a server and waits for its first answer.
fn start(
    name: &'static str,
    program: &Path,
    arguments: &[String],
    address: SocketAddr,
    machine: &Machine,
    log: &Path,
    probe: &str,
) -> Result<Server> {
    let begun = Instant::now();
    let mut child = Child::start(program, arguments, machine.server_cpu, Some(log))?;
    let request = request(probe, "192.0.2.1", false);
    while begun.elapsed() < START_MAX {
        if let Some(code) = child.ended()? {
            let said = fs::read_to_string(log).unwrap_or_default();
            bail!("{name} ended with {code}: {said}");
        }
        // Refused and not yet ready look alike from here: try again.
        if let Ok(Reply { status: 200, .. }) = fetch_once(address, &request) {
            return Ok(Server { name, address, child, started_after: begun.elapsed() });
        }
        thread::sleep(Duration::from_millis(2));
    }
    bail!("{name} does not answer")
}

/// A port that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).context("no free port")?;
    Ok(listener.local_addr()?)
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

const START_MAX: Duration = Duration::from_secs(60);

/// One process, so that its end is the end of all of it.
const NGINX: &str = "\
daemon off;
master_process off;
worker_processes 1;
pid FOLDER/nginx.pid;
error_log FOLDER/error.log crit;
worker_rlimit_nofile 8192;
events { worker_connections 4096; }
http {
    access_log off;
    sendfile on;
    tcp_nopush on;
    keepalive_requests 1000000000;
    keepalive_timeout 300s;
    client_body_temp_path FOLDER/body;
    proxy_temp_path FOLDER/proxy;
    fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi;
    scgi_temp_path FOLDER/scgi;
    server {
        listen ADDRESS backlog=4096 reuseport;
        LOCATIONS
    }
}
";
