//! What mirrors say of themselves, over HTTPS, until clients are sent to them: by our own client, by
//! Python's XML-RPC as the old client uses it, and by curl with whatever nobody honest sends.

use std::fs::{self, File};
use std::io::Write;
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{
    Director, address_unused, binary, exchange, missing, run, skip, wait_until,
};
use tempfile::TempDir;

/// `heliostat web`, with a catalog of one scanned category and two hosts, and a copy of the tree.
pub(crate) struct Rig {
    pub(crate) folder: TempDir,
    catalog: String,
    pub(crate) address: SocketAddr,
    web: Child,
}

impl Rig {
    pub(crate) fn start() -> Result<Rig> {
        let folder = tempfile::tempdir()?;
        let catalog = folder.path().join("catalog.db").to_string_lossy().into_owned();
        let address = address_unused();
        certificate(folder.path(), address)?;
        run(&["init", "--catalog", &catalog])?;
        let log = File::create(folder.path().join("web.log"))?;
        let mut web = Command::new(binary()?);
        web.args(["web", "--catalog", &catalog, "--listen", &address.to_string()]);
        web.arg("--tls-cert").arg(folder.path().join("cert.pem"));
        web.arg("--tls-key").arg(folder.path().join("key.pem"));
        web.arg("--metrics-file").arg(folder.path().join("web.prom"));
        let web = web.stdout(Stdio::null()).stderr(log).spawn()?;
        let rig = Rig { folder, catalog, address, web };
        rig.fill()?;
        wait_until("listening", || Ok(TcpStream::connect(address).ok()))?;
        Ok(rig)
    }

    pub(crate) fn call(&self, arguments: &[&str]) -> Result<String> {
        run(&[arguments, &["--catalog", &self.catalog]].concat())
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).to_string_lossy().into_owned()
    }

    /// A primary copy with a repository, a plain folder and links; and who mirrors it.
    fn fill(&self) -> Result<()> {
        for (path, text) in [
            ("40/os/a.rpm", "a package"),
            ("40/os/repodata/repomd.xml", REPOMD),
            ("40/iso/b.txt", "an image"),
        ] {
            let path = self.path("primary").join(path);
            fs::create_dir_all(path.parent().context("a folder")?)?;
            fs::write(path, text)?;
        }
        self.copy()?;
        self.call(&["category", "add", "Linux", "--set", "top=pub/linux"])?;
        self.call(&["scan", "--category", "Linux", "--from", &self.text("primary")])?;
        self.call(&["site", "add", "University"])?;
        self.call(&["site", "add", "Elsewhere"])?;
        for (name, site, private) in [
            ("private.example", "University", "true"),
            ("public.example", "University", "false"),
            ("other.example", "Elsewhere", "true"),
        ] {
            let mirrors = format!(
                "mirrors=[{{category = \"Linux\", urls = [{{url = \"http://{name}/linux\"}}]}}]"
            );
            let (site, private) = (format!("site={site}"), format!("private={private}"));
            let sets = ["--set", &site, "--set", &private, "--set", &mirrors];
            let more = ["--set", "netblocks=[\"127.0.0.0/8\"]"];
            self.call(&[&["host", "add", name][..], &sets, &more].concat())?;
        }
        self.call(&["user", "add", "keeper", "--set", "sites=[\"University\"]"])?;
        let secret = self.call(&["token", "add", "keeper/mirror"])?;
        fs::write(self.path("token"), secret)?;
        fs::write(self.path("password"), "correct horse\n")?;
        self.call(&["site", "password", "University", "--file", &self.text("password")])?;
        Ok(())
    }

    /// The mirror synchronises.
    pub(crate) fn copy(&self) -> Result<()> {
        let _ = fs::remove_dir_all(self.path("copy"));
        let from_to = [self.path("primary"), self.path("copy")];
        ensure!(Command::new("cp").arg("-a").args(from_to).status()?.success());
        Ok(())
    }

    fn checkin(&self, host: &str, more: &[&str]) -> Result<String> {
        let (url, tree) = (format!("https://{}", self.address), self.text("copy"));
        let (tree, token, ca) =
            (format!("Linux={tree}"), self.text("token"), self.text("cert.pem"));
        let own = ["checkin", "--to", &url, "--token-file", &token, "--ca", &ca];
        run(&[&own, &["--host", host, "--tree", &tree][..], more].concat())
    }

    /// The lists that clients of our own network are given, for the repository.
    fn listed(&self, name: &str) -> Result<String> {
        let to = self.text(name);
        self.call(&["publish", "--once", "--to", &to])?;
        let current = Path::new(&to).join("current.snapshot");
        let director = Director::start_ready(self.folder.path(), &current, &[])?;
        Ok(director.get("/mirrorlist?repo=linux-40&arch=noarch")?.body)
    }

    pub(crate) fn curl(&self, path: &str, arguments: &[&str]) -> Result<(String, String)> {
        let url = format!("https://{}{path}", self.address);
        let mut curl = Command::new("curl");
        curl.args(["-sS", "--max-time", "60", "-w", "\n%{http_code}"]);
        curl.arg("--cacert").arg(self.path("cert.pem")).args(arguments).arg(url);
        let Output { stdout, stderr, .. } = curl.output()?;
        let said = String::from_utf8_lossy(&stdout).into_owned();
        let (body, status) = said.rsplit_once('\n').context("no status")?;
        let stderr = String::from_utf8_lossy(&stderr);
        ensure!(status != "000", "{stderr}{}", self.log());
        Ok((status.to_owned(), body.to_owned()))
    }

    pub(crate) fn bearer(&self) -> Result<String> {
        let secret = fs::read_to_string(self.path("token"))?;
        Ok(format!("Authorization: Bearer {}", secret.trim()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.path("web.log")).unwrap_or_default()
    }
}

impl Drop for Rig {
    fn drop(&mut self) {
        let _ = self.web.kill();
        let _ = self.web.wait();
    }
}

fn certificate(folder: &Path, address: SocketAddr) -> Result<()> {
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    openssl.args(["-nodes", "-days", "2", "-subj", "/CN=director", "-keyout", "key.pem"]);
    openssl.args(["-addext", &format!("subjectAltName=IP:{}", address.ip())]);
    openssl.args(["-addext", "basicConstraints=critical,CA:FALSE", "-out", "cert.pem"]);
    let done = openssl.current_dir(folder).output().context("openssl")?;
    ensure!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}

#[test]
fn a_mirror_checks_in_and_clients_are_sent_to_it() -> Result<()> {
    if let Some(why) = missing(&["openssl", "cp"]) {
        return skip("a mirror checks in", &why);
    }
    let rig = Rig::start()?;
    let repository = rig.call(&["repo", "list"])?;
    ensure!(repository.contains("linux-40"), "{repository}");
    ensure!(!rig.listed("before")?.contains("private.example"));
    let said = rig.checkin("private.example", &[])?;
    ensure!(said.contains("Linux: 5 directories as they should be, 0 behind, 0 missing"), "{said}");
    let listed = rig.listed("after")?;
    ensure!(listed.contains("http://private.example/linux/40/os"), "{listed}{}", rig.log());
    ensure!(!listed.contains("public.example"), "{listed}");

    // A release at the primary copy: the mirror is one version behind until it has it.
    // Longer than the one before: within a second of it, time alone would not tell them apart.
    fs::write(rig.path("primary/40/os/repodata/repomd.xml"), REPOMD.replace(">1<", ">20<"))?;
    rig.call(&["scan"])?;
    let said = rig.checkin("private.example", &[])?;
    ensure!(said.contains("4 directories as they should be, 1 behind, 0 missing"), "{said}");
    rig.copy()?;
    fs::remove_file(rig.path("copy/40/iso/b.txt"))?;
    fs::remove_dir_all(rig.path("copy/40/os/repodata"))?;
    let said = rig.checkin("private.example", &["--json"])?;
    let said: serde_json::Value = serde_json::from_str(&said)?;
    let of = &said["categories"][0];
    ensure!(of["behind"] == 1 && of["missing"] == 1 && of["current"] == 3, "{said}");
    // An index that nobody knows may be newer than the last scan: it stays what it was taken for.
    rig.copy()?;
    rig.checkin("private.example", &[])?;
    fs::write(rig.path("copy/40/os/repodata/repomd.xml"), REPOMD.replace(">1<", ">3<"))?;
    let said = rig.checkin("private.example", &[])?;
    ensure!(said.contains("0 behind, 0 missing, 1 that nobody can tell"), "{said}");
    ensure!(rig.listed("unknown")?.contains("http://private.example/linux/40/os"));

    let trail = rig.call(&["audit", "--resource", "states"])?;
    ensure!(trail.contains("token:keeper/mirror"), "{trail}");
    let error = rig.checkin("other.example", &[]).unwrap_err().to_string();
    ensure!(error.contains("403") && error.contains("may speak for no host"), "{error}");
    let dry = rig.checkin("no such host", &["--dry-run"])?;
    ensure!(dry.starts_with("{\"version\":1,\"host\":\"no such host\""), "{dry}");
    ensure!(!rig.log().contains(" ERROR "), "{}", rig.log());
    Ok(())
}

#[test]
fn the_old_client_checks_in_as_ever() -> Result<()> {
    if let Some(why) = missing(&["openssl", "python3", "cp"]) {
        return skip("the old client checks in", &why);
    }
    let rig = Rig::start()?;
    let client = |arguments: &[&str]| -> Result<String> {
        let mut python = Command::new("python3");
        python.args(["-c", OLD_CLIENT, &format!("https://{}/xmlrpc", rig.address)]);
        python.arg(rig.path("cert.pem")).arg(rig.path("copy")).args(arguments);
        let done = python.output()?;
        let said = [done.stdout, done.stderr].concat();
        Ok(String::from_utf8_lossy(&said).into_owned())
    };
    let said = client(&["University", "correct horse", "private.example", "json"])?;
    ensure!(said.contains("Category Linux directories updated: 5"), "{said}");
    ensure!(said.contains("checked in successful"), "{said}");
    ensure!(rig.listed("after")?.contains("http://private.example/linux/40/os"));
    for (arguments, expected) in [
        (["University", "wrong", "private.example", "json"], "the password is another one"),
        (["Nobody", "wrong", "private.example", "json"], "no such site"),
        (["University", "correct horse", "public.example", "json"], "public.example is public"),
        (["University", "correct horse", "other.example", "json"], "may speak for no host"),
        (["University", "correct horse", "private.example", "pickle"], "400"),
    ] {
        let said = client(&arguments)?;
        ensure!(said.contains(expected) && !said.contains("successful"), "{arguments:?}: {said}");
    }
    ensure!(!rig.path("pickled").exists());
    let trail = rig.call(&["audit", "--resource", "states"])?;
    ensure!(trail.contains("site:University"), "{trail}");
    Ok(())
}

#[test]
fn whatever_is_sent_is_refused_by_name() -> Result<()> {
    if let Some(why) = missing(&["openssl", "curl", "bzip2", "cp"]) {
        return skip("hostile check-ins", &why);
    }
    let rig = Rig::start()?;
    let bearer = rig.bearer()?;
    let refused = |path: &str, arguments: &[&str], status: &str, reason: &str| -> Result<()> {
        let (found, body) = rig.curl(path, arguments)?;
        ensure!(found == status && body.contains(reason), "{path} {arguments:?}: {found} {body}");
        Ok(())
    };
    fs::write(rig.path("large"), vec![b' '; 17 << 20])?;
    let mut bomb = Command::new("bzip2").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
    let mut zeros = bomb.stdin.take().context("a pipe")?;
    let feeding = std::thread::spawn(move || {
        let part = vec![b' '; 1 << 20];
        (0..64).try_for_each(|_| zeros.write_all(&part))
    });
    let bomb = bomb.wait_with_output()?.stdout;
    feeding.join().ok().context("bzip2")??;
    fs::write(rig.path("bomb"), bomb)?;
    let (large, bomb) = (format!("@{}", rig.text("large")), format!("@{}", rig.text("bomb")));
    let (to, known) = ("/api/checkin", ["-H", &bearer]);
    let with = |data: &'static str| [known[0], known[1], "--data-binary", data];
    refused(to, &["--data-binary", "{}"], "401", "\"token\"")?;
    refused(to, &["-H", "Authorization: Bearer heliostat_0", "-d", "{}"], "401", "\"token\"")?;
    refused(to, &[known[0], known[1], "--data-binary", &large], "413", "body_bytes_max")?;
    refused(to, &[known[0], known[1], "--data-binary", &bomb], "413", "expanded_bytes_max")?;
    refused("/xmlrpc", &["--data-binary", &bomb], "413", "expanded_bytes_max")?;
    refused(to, &with("{\"version\": 1}"), "400", "\"host\"")?;
    refused(to, &with("{\"version\": 7}"), "400", "\"format\"")?;
    refused(to, &with("{\"version\": 1, \"host\""), "400", "\"truncated\"")?;
    refused(to, &with("{\"version\": 1, \"host\": \"private.example\"}"), "409", "not_carried")?;
    refused(to, &[known[0], known[1], "-d", ""], "400", "\"format\"")?;
    refused(to, &known, "405", "\"method\"")?;
    refused("/nothing", &[], "404", "\"path\"")?;
    let entities = "<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b \"c\">]><methodCall/>";
    refused("/xmlrpc", &["--data-binary", entities], "400", "\"entities\"")?;
    // Nobody tries passwords or tokens for long.
    let mut tries = 0;
    loop {
        let (status, _) = rig.curl(to, &["-H", "Authorization: Bearer wrong", "-d", "{}"])?;
        if status == "429" {
            break;
        }
        tries += 1;
        ensure!(status == "401" && tries < 40, "{status} after {tries}");
    }
    let log = rig.log();
    ensure!(log.contains("limit=\"expanded_bytes_max\""), "{log}");
    ensure!(!log.contains("panicked"), "{log}");
    wait_until("the numbers", || {
        let text = fs::read_to_string(rig.path("web.prom"))?;
        let has = |reason: &str, least: u64| {
            let name = format!("heliostat_web_refused_total{{reason=\"{reason}\"}} ");
            let value = text.lines().find_map(|line| line.strip_prefix(&name)?.parse().ok());
            value.is_some_and(|value: u64| value >= least)
        };
        let limits = has("body_bytes_max", 1) && has("expanded_bytes_max", 2) && has("entities", 1);
        Ok((limits && has("token", tries) && has("requests_per_minute_max", 1)).then_some(()))
    })?;
    let clear = run(&["web", "--listen", "0.0.0.0:0", "--catalog", &rig.text("catalog.db")]);
    let error = clear.unwrap_err().to_string();
    ensure!(error.contains("give --tls-cert and --tls-key"), "{error}");
    Ok(())
}

/// Who sends everything before it reads anything gets the refusal, and no reset.
#[test]
fn a_refusal_is_heard_by_who_does_not_listen_yet() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db").to_string_lossy().into_owned();
    run(&["init", "--catalog", &catalog])?;
    let address = address_unused();
    let mut web = Command::new(binary()?);
    web.args(["web", "--catalog", &catalog, "--listen", &address.to_string()]);
    let mut web = web.stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let asked = || -> Result<()> {
        wait_until("listening", || Ok(TcpStream::connect(address).ok()))?;
        let body = vec![b' '; 400_000];
        for (head, status) in [
            ("POST /api/checkin HTTP/1.1", "401"),
            ("POST /nothing HTTP/1.1", "404"),
            ("PUT /api/notify HTTP/1.1", "405"),
        ] {
            let (host, length) = ("Host: a\r\nConnection: close", body.len());
            let head = format!("{head}\r\n{host}\r\nContent-Length: {length}\r\n\r\n");
            let answer = exchange(address, &[head.as_bytes(), &body].concat())?;
            let answer = String::from_utf8_lossy(&answer);
            ensure!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{head}: {answer}");
        }
        Ok(())
    }();
    web.kill()?;
    web.wait()?;
    asked
}

/// A publisher tells the director what it has changed, and is told what was found.
#[test]
fn a_publisher_notifies() -> Result<()> {
    if let Some(why) = missing(&["openssl", "curl", "cp"]) {
        return skip("a publisher notifies", &why);
    }
    let rig = Rig::start()?;
    fs::write(rig.path("primary/40/os/repodata/repomd.xml"), REPOMD.replace(">1<", ">2<"))?;
    fs::write(rig.path("primary/40/iso/c.txt"), "nobody says so")?;
    rig.checkin("private.example", &[])?;
    let body = r#"{"paths": ["pub/linux/40/os/repodata/repomd.xml", "elsewhere"]}"#;
    let (status, said) = rig.curl("/api/notify", &["-H", &rig.bearer()?, "-d", body])?;
    ensure!(status == "403" && said.contains("\"role\""), "{status} {said}");
    // Times are whole seconds: what is found in the next one is newer than the check-in.
    let second = || SystemTime::now().duration_since(UNIX_EPOCH).map(|time| time.as_secs());
    let begun = second()?;
    wait_until("the next second", || Ok((second()? > begun).then_some(())))?;
    rig.call(&["user", "add", "publisher", "--set", "role=editor"])?;
    let secret = rig.call(&["token", "add", "publisher/primary"])?;
    fs::write(rig.path("publisher"), &secret)?;
    let bearer = format!("Authorization: Bearer {}", secret.trim());
    let (status, said) = rig.curl("/api/notify", &["-H", &bearer, "-d", body])?;
    ensure!(status == "200", "{status} {said}");
    let said: serde_json::Value = serde_json::from_str(&said)?;
    let of = &said["scanned"][0];
    ensure!(of["directories"] == 1 && of["versions"] == 1, "{said}");
    ensure!(said["nowhere"] == serde_json::json!(["elsewhere"]), "{said}");
    let spread = rig.call(&["propagation", "--json"])?;
    let spread: serde_json::Value = serde_json::from_str(&spread)?;
    ensure!(spread[0]["repository"] == "linux-40/noarch", "{spread}");
    ensure!(spread[0]["one_behind"] == 1 && spread[0]["unknown"] == 2, "{spread}");
    rig.copy()?;
    rig.checkin("private.example", &[])?;
    let spread = rig.call(&["propagation"])?;
    let line = spread.lines().find(|line| line.starts_with("linux-40/noarch"));
    ensure!(line.is_some_and(|line| line.split_whitespace().nth(3) == Some("1")), "{spread}");
    let mirrors = rig.call(&["mirrors", "--json"])?;
    let mirrors: serde_json::Value = serde_json::from_str(&mirrors)?;
    let own = mirrors.as_array().context("no list")?;
    let own = own.iter().find(|of| of["host"] == "private.example").context("no host")?;
    ensure!(own["current"] == 5 && own["checked_in_unix_s"].is_u64(), "{mirrors}");

    // The client does the same, and so does the machine with the catalog.
    fs::write(rig.path("paths"), "pub/linux/40/iso\n")?;
    let (url, ca) = (format!("https://{}", rig.address), rig.text("cert.pem"));
    let (token, paths) = (rig.text("publisher"), rig.text("paths"));
    let told = ["notify", "--to", &url, "--ca", &ca, "--token-file", &token, "--paths", &paths];
    let said = run(&told)?;
    ensure!(said.starts_with("Linux: 1 directories looked at: 1 changed"), "{said}");
    let said = rig.call(&["notify", "--paths", &paths])?;
    ensure!(said.starts_with("Linux: 1 directories looked at"), "{said}");
    Ok(())
}

/// What `report_mirror` does: JSON, bz2, base64 for URLs, XML-RPC; or pickle, as it once did.
const OLD_CLIENT: &str = r#"
import sys, os, json, bz2, base64, pickle, ssl, xmlrpc.client
url, ca, top, site, password, host, how = sys.argv[1:]
tree = {}
for path, folders, files in os.walk(top):
    tree[path[len(top):].lstrip('/')] = {}
config = {'version': 0, 'global': {'enabled': '1', 'server': url},
          'site': {'name': site, 'password': password},
          'host': {'name': host, 'user_active': '1'},
          'linux': {'enabled': '1', 'path': top, 'dirtree': tree}}
class Mark:
    def __reduce__(self):
        return (os.mkdir, (os.path.join(os.path.dirname(ca), 'pickled'),))
plain = json.dumps(config).encode() if how == 'json' else pickle.dumps(Mark())
data = base64.urlsafe_b64encode(bz2.compress(plain)).decode()
server = xmlrpc.client.ServerProxy(url, context=ssl.create_default_context(cafile=ca))
try:
    print(server.checkin(data))
except xmlrpc.client.ProtocolError as error:
    print('ProtocolError', error.errcode)
except xmlrpc.client.Fault as fault:
    print('Fault', fault.faultCode, fault.faultString)
"#;

const REPOMD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
    <repomd xmlns=\"http://linux.duke.edu/metadata/repo\"><revision>1</revision></repomd>\n";
