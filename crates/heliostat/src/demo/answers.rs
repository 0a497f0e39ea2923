//! What clients are answered: asked as they ask, over HTTP.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, ensure};
use heliostat_testing_fleet::{Mirror, Primary};

use super::cast::{WATCHED, Watched, should_answer};

/// For each mirror and each repository, whether a client is sent there.
pub(super) type Answers = Vec<[bool; WATCHED.len()]>;

/// Asks for every repository.
pub(super) fn ask(server: SocketAddr, mirrors: &[Mirror]) -> anyhow::Result<Answers> {
    let mut answers = vec![[false; WATCHED.len()]; mirrors.len()];
    for (at, watched) in WATCHED.iter().enumerate() {
        let list = list(server, watched)?;
        for (mirror, answers) in mirrors.iter().zip(&mut answers) {
            let base = format!("{}/", mirror.url());
            answers[at] = list.lines().any(|line| line.starts_with(&base));
        }
    }
    Ok(answers)
}

/// What should be answered, by what the mirrors really have and do.
pub(super) fn expected(primary: &Primary, mirrors: &[Mirror]) -> Answers {
    let of = |mirror| WATCHED.map(|watched| should_answer(mirror, primary, &watched));
    mirrors.iter().map(of).collect()
}

/// A mirror list, whatever its status.
fn list(server: SocketAddr, watched: &Watched) -> anyhow::Result<String> {
    let Watched { repo, arch, .. } = watched;
    let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let head = format!(
        "GET /mirrorlist?repo={repo}&arch={arch} HTTP/1.1\r\nHost: {server}\r\n\
         Connection: close\r\n\r\n"
    );
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).context("no answer")?;
    ensure!(answer.starts_with("HTTP/1.1 "), "no answer to {repo}");
    Ok(answer)
}

const PATIENCE: Duration = Duration::from_secs(10);
