//! Programs that a task needs, and the Debian packages that hold them.
//!
//! As root on a machine with `apt-get` they are installed; anybody else is told the one line
//! that installs them. Nothing here fails a task: what stays missing is skipped aloud.

use std::env;
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::step::shown;

/// A program, and where it comes from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    /// Its name on the search path.
    pub(crate) program: &'static str,
    /// The Debian package that holds it.
    pub(crate) package: &'static str,
}

/// What the end-to-end tests need.
pub(crate) const TEST: &[Need] = &[
    Need { program: "dnf", package: "dnf" },
    Need { program: "createrepo_c", package: "createrepo-c" },
    Need { program: "rpmbuild", package: "rpm" },
    Need { program: "curl", package: "curl" },
    Need { program: "initdb", package: "postgresql" },
    Need { program: "python3", package: "python3-venv" },
];

/// Services that speak S3, and the packages of Python and of JavaScript that hold them.
const MOTO: (&str, &str) = ("moto_server", "moto[server]>=5.1,<6");
const S3RVER: (&str, &str) = ("s3rver", "s3rver@3.7.1");

/// What the serving bench needs.
pub(crate) const BENCH_SERVE: &[Need] = &[
    Need { program: "wrk", package: "wrk" },
    Need { program: "nginx", package: "nginx-light" },
    Need { program: "ab", package: "apache2-utils" },
];

/// Installs or explains what is missing, and returns what is missing afterwards.
pub(crate) fn provide(needs: &[Need], may_install: bool) -> Vec<Need> {
    let missing = missing(needs);
    if missing.is_empty() {
        return missing;
    }
    let packages: Vec<_> = missing.iter().map(|need| need.package).collect();
    if may_install && is_root() && on_path("apt-get") {
        println!("==> needs: installing {}", packages.join(" "));
        install(&packages);
    } else {
        println!("==> needs: missing; install with: apt-get install {}", packages.join(" "));
    }
    self::missing(needs)
}

/// Where the S3 services of the tests are, beside the search path: those that are not on it are
/// installed into folders of their own beside the build's output.
pub(crate) fn s3_servers(target: &Path, may_install: bool) -> Vec<PathBuf> {
    let (moto, s3rver) = (target.join("s3-server"), target.join("s3rver"));
    let (moto_bin, s3rver_bin) = (moto.join("bin"), s3rver.join("node_modules/.bin"));
    let lacks = |folder: &Path, program: &str| {
        may_install && !on_path(program) && !folder.join(program).is_file()
    };
    if lacks(&moto_bin, MOTO.0) {
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&moto);
        let mut fill = Command::new(moto_bin.join("pip"));
        fill.args(["install", "--quiet", "--disable-pip-version-check", MOTO.1]);
        install_with(MOTO.1, &mut [make, fill]);
    }
    if lacks(&s3rver_bin, S3RVER.0) && on_path("npm") {
        let mut fill = Command::new("npm");
        fill.args(["install", "--silent", "--no-fund", "--no-audit", "--prefix"]).arg(&s3rver);
        fill.arg(S3RVER.1);
        install_with(S3RVER.1, &mut [fill]);
    }
    vec![moto_bin, s3rver_bin]
}

/// Tries; what fails is shown.
fn install_with(what: &str, commands: &mut [Command]) {
    println!("==> needs: installing {what}");
    for output in commands.iter_mut().flat_map(Command::output) {
        if !output.status.success() {
            println!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
    }
}

/// Whether a program is on the search path.
pub(crate) fn on_path(program: &str) -> bool {
    let path = env::var_os("PATH").unwrap_or_default();
    env::split_paths(&path).any(|folder| folder.join(program).is_file())
        || ["/usr/sbin", "/sbin"]
            .iter()
            .any(|folder| fs::exists(format!("{folder}/{program}")).unwrap_or(false))
        || fs::read_dir("/usr/lib/postgresql")
            .into_iter()
            .flatten()
            .flatten()
            // Debian keeps the server's programs, by version, where no search path leads.
            .any(|version| version.path().join("bin").join(program).is_file())
}

fn missing(needs: &[Need]) -> Vec<Need> {
    needs.iter().copied().filter(|need| !on_path(need.program)).collect()
}

/// Tries; a failure is shown and shows again as skipped tests.
fn install(packages: &[&str]) {
    let mut update = Command::new("apt-get");
    update.args(["update", "-qq"]);
    let mut install = Command::new("apt-get");
    install.args(["install", "-y", "-qq", "--no-install-recommends"]).args(packages);
    for command in [&mut update, &mut install] {
        command.env("DEBIAN_FRONTEND", "noninteractive");
        match command.output() {
            Ok(output) if output.status.success() => {}
            Ok(output) => {
                println!("    {} failed:", shown(command));
                println!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
            }
            Err(error) => println!("    {} cannot start: {error}", shown(command)),
        }
    }
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|itself| itself.uid() == 0)
}
