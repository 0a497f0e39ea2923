//! A primary copy in a folder: rpm-md, Debian, an image with its hashes.

use std::fs::{self, File, FileTimes};
use std::io::Write;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, SystemTime};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{sha256, wait_until};
use tempfile::TempDir;

/// A primary copy.
pub(super) struct Tree(TempDir);

impl Tree {
    /// With a repository of rpm-md, made by `createrepo_c`.
    pub(super) fn make() -> Result<Tree> {
        let tree = Tree::make_plain()?;
        tree.release(30)?;
        Ok(tree)
    }

    /// Without.
    pub(super) fn make_plain() -> Result<Tree> {
        let tree = Tree(tempfile::tempdir()?);
        let image: Vec<u8> =
            (0..300_000_u32).flat_map(|n| n.wrapping_mul(n).to_le_bytes()).collect();
        tree.write("iso/a.iso", &image)?;
        tree.write("iso/SHA256SUMS", format!("{}  a.iso\n", sha256(&image)?).as_bytes())?;
        let hash = "0".repeat(64);
        let stanza =
            |name| format!("Package: {name}\nFilename: pool/{name}.deb\nSHA256: {hash}\n\n");
        let packages = stanza("a") + &stanza("b");
        let list = "debian/dists/stable/main/binary-amd64/Packages";
        tree.write(list, packages.as_bytes())?;
        let listed = format!("{} {}", sha256(packages.as_bytes())?, packages.len());
        let release = format!(
            "Suite: stable\nArchitectures: amd64 arm64\nDate: Sat, 09 Nov 2024 10:11:12 UTC\n\
             SHA256:\n {listed} main/binary-amd64/Packages\n"
        );
        tree.write("debian/dists/stable/InRelease", release.as_bytes())?;
        tree.write("debian/pool/a.deb", b"a package")?;
        tree.settle()?;
        Ok(tree)
    }

    /// A new version of the repository of rpm-md, of an age.
    pub(super) fn release(&self, minutes: u64) -> Result<()> {
        let folder = self.path("40/x86_64/os");
        fs::create_dir_all(&folder)?;
        let revision = format!("--revision={minutes}");
        let made =
            Command::new("createrepo_c").arg("--quiet").arg(revision).arg(&folder).output()?;
        ensure!(made.status.success(), "{made:?}");
        touch(&self.repomd(), minutes_ago(minutes))?;
        touch(&self.path("40/x86_64/os/repodata"), minutes_ago(minutes))
    }

    pub(super) fn root(&self) -> &Path {
        self.0.path()
    }

    pub(super) fn text(&self) -> Result<&str> {
        self.root().to_str().context("the path is no text")
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.root().join(path)
    }

    pub(super) fn repomd(&self) -> PathBuf {
        self.path("40/x86_64/os/repodata/repomd.xml")
    }

    pub(super) fn write(&self, path: &str, content: &[u8]) -> Result<()> {
        let path = self.path(path);
        fs::create_dir_all(path.parent().context("no folder")?)?;
        Ok(fs::write(path, content)?)
    }

    /// Makes everything an hour old, as a tree is that nobody is writing to.
    pub(super) fn settle(&self) -> Result<()> {
        fn all(path: &Path) -> Result<()> {
            if path.is_dir() {
                for entry in fs::read_dir(path)? {
                    all(&entry?.path())?;
                }
            }
            touch(path, minutes_ago(60))
        }
        all(self.root())
    }

    /// What a program of coreutils says of a file.
    pub(super) fn hash(&self, program: &str, path: &Path) -> Result<String> {
        let said = Command::new(program).arg(path).output()?;
        let said = String::from_utf8(said.stdout)?;
        Ok(said.split(' ').next().context("it said nothing")?.to_owned())
    }

    pub(super) fn gzip(&self, bytes: &[u8]) -> Result<Vec<u8>> {
        let mut child =
            Command::new("gzip").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        child.stdin.take().context("no pipe")?.write_all(bytes)?;
        Ok(child.wait_with_output()?.stdout)
    }
}

fn touch(path: &Path, time: SystemTime) -> Result<()> {
    let times = FileTimes::new().set_modified(time);
    Ok(File::open(path)?.set_times(times)?)
}

/// A whole second, because not every listing shows parts of it.
fn minutes_ago(minutes: u64) -> SystemTime {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_secs(now.as_secs() - minutes * 60)
}

/// A daemon of rsync that serves a folder.
pub(super) struct Rsyncd {
    pub(super) url: String,
    child: Child,
    _folder: TempDir,
}

impl Rsyncd {
    pub(super) fn start(root: &Path) -> Result<Rsyncd> {
        let folder = tempfile::tempdir()?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let config = folder.path().join("rsyncd.conf");
        let text = format!(
            "use chroot = no\n[linux]\npath = {}\nread only = yes\nuid = {}\ngid = {}\n",
            root.display(),
            rustix::process::getuid().as_raw(),
            rustix::process::getgid().as_raw(),
        );
        fs::write(&config, text)?;
        let child = Command::new("rsync")
            .args(["--daemon", "--no-detach", "--address=127.0.0.1"])
            .args([format!("--port={port}"), format!("--config={}", config.display())])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let server =
            Rsyncd { url: format!("rsync://127.0.0.1:{port}/linux"), child, _folder: folder };
        wait_until("rsync", || Ok(std::net::TcpStream::connect(("127.0.0.1", port)).ok()))?;
        Ok(server)
    }
}

impl Drop for Rsyncd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
