//! Sockets and readiness as systemd hands them over.

use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};
use heliostat_testing_e2e::{Director, PATIENCE, address_unused, binary};

use crate::fixture::{MIRRORLIST, snapshot_of};

#[test]
fn it_serves_on_the_socket_that_it_is_handed() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let listener = TcpListener::bind(address_unused())?;
    let address = listener.local_addr()?;
    // The socket goes in as standard input; the shell puts it where the protocol wants it.
    let script = "exec 3<&0 </dev/null; LISTEN_PID=$$ LISTEN_FDS=1 exec \"$0\" \"$@\"";
    let mut command = Command::new("sh");
    command.args(["-c", script]).arg(binary()?).args(["serve", "--snapshot"]).arg(&snapshot);
    command.stdin(Stdio::from(OwnedFd::from(listener)));
    let director = Director::spawn(folder.path(), address, &mut command)?;
    assert!(director.get(MIRRORLIST)?.body.contains("first.example"));
    assert!(director.stop()?.status.success());
    Ok(())
}

#[test]
fn it_says_when_it_is_ready_and_when_it_ends() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let place = folder.path().join("notify");
    let socket = UnixDatagram::bind(&place)?;
    socket.set_read_timeout(Some(PATIENCE))?;
    let (address, mut command) = (address_unused(), Command::new(binary()?));
    command.args(["serve", "--listen", &address.to_string(), "--snapshot"]).arg(&snapshot);
    command.env("NOTIFY_SOCKET", &place);
    let director = Director::spawn(folder.path(), address, &mut command)?;
    hear(&socket, "READY=1")?;
    assert!(director.get(MIRRORLIST)?.body.contains("first.example"));
    let stopped = director.stop()?;
    hear(&socket, "STOPPING=1")?;
    assert!(stopped.status.success());
    Ok(())
}

/// Reads until a message has a line.
fn hear(socket: &UnixDatagram, line: &str) -> Result<()> {
    let mut bytes = [0; 4096];
    loop {
        let length = socket.recv(&mut bytes).with_context(|| format!("no {line}"))?;
        let text = String::from_utf8_lossy(&bytes[..length]).into_owned();
        if text.lines().any(|heard| heard == line) {
            return Ok(());
        }
    }
}
