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

/// A service that speaks S3, and the Python package that holds it.
const S3_SERVER: &str = "moto_server";
const S3_PACKAGE: &str = "moto[server]>=5.1,<6";

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

/// The S3 service of the tests: the one on the search path, else one that is installed into a folder
/// of its own beside the build's output.
pub(crate) fn s3_server(target: &Path, may_install: bool) -> Option<PathBuf> {
    if on_path(S3_SERVER) {
        return None;
    }
    let folder = target.join("s3-server");
    let program = folder.join("bin").join(S3_SERVER);
    if !program.is_file() && may_install {
        println!("==> needs: installing {S3_PACKAGE}");
        let mut make = Command::new("python3");
        make.args(["-m", "venv"]).arg(&folder);
        let mut fill = Command::new(folder.join("bin/pip"));
        fill.args(["install", "--quiet", "--disable-pip-version-check", S3_PACKAGE]);
        let done = [&mut make, &mut fill].map(|command| command.output());
        for output in done.iter().flatten().filter(|output| !output.status.success()) {
            println!("{}", String::from_utf8_lossy(&output.stderr).trim_end());
        }
    }
    program.is_file().then_some(program)
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
