//! A client that times every request.
//!
//! It speaks as much HTTP/1.1 as a measurement needs: one request at a time on a connection, and
//! answers with a `Content-Length`. Whatever else comes is an error, and errors are counted.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context, Result};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// An open connection.
#[derive(Debug)]
pub struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
    filled: usize,
}

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers, as they came, without the status line.
    pub head: String,
    /// Its body.
    pub body: Vec<u8>,
}

impl Reply {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers().find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All headers in order.
    pub fn headers(&self) -> impl Iterator<Item = (&str, &str)> {
        let split = |line: &'_ str| -> Option<(usize, usize)> {
            let colon = line.find(':')?;
            Some((colon, colon + 1))
        };
        self.head.lines().filter_map(move |line| {
            let (end, start) = split(line)?;
            Some((line[..end].trim(), line[start..].trim()))
        })
    }
}

impl Connection {
    /// Connects.
    ///
    /// # Errors
    ///
    /// When nobody listens, or nobody accepts in time.
    pub async fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream, buffer: vec![0; 64 << 10], filled: 0 })
    }

    /// Sends a request, reads the answer, and returns its status; the body is thrown away.
    ///
    /// # Errors
    ///
    /// When the connection breaks or the answer is no HTTP.
    pub async fn ask(&mut self, request: &[u8]) -> io::Result<u16> {
        let (head, length) = self.exchange(request).await?;
        let status = self.status(head)?;
        self.forget(head + length);
        Ok(status)
    }

    /// As [`Connection::ask`], with the whole answer.
    ///
    /// # Errors
    ///
    /// As those.
    pub async fn fetch(&mut self, request: &[u8]) -> io::Result<Reply> {
        let (head, length) = self.exchange(request).await?;
        let status = self.status(head)?;
        let text = String::from_utf8_lossy(&self.buffer[..head]);
        let head_lines = text.split_once("\r\n").map_or("", |(_, rest)| rest).to_owned();
        let body = self.buffer[head..head + length].to_vec();
        self.forget(head + length);
        Ok(Reply { status, head: head_lines, body })
    }

    /// Lengths of the head and the body of the answer, both of which lie in the buffer.
    async fn exchange(&mut self, request: &[u8]) -> io::Result<(usize, usize)> {
        self.stream.write_all(request).await?;
        let mut known = None;
        loop {
            if known.is_none() {
                known = lengths(&self.buffer[..self.filled])?;
            }
            if let Some((head, length)) = known
                && self.filled >= head + length
            {
                return Ok((head, length));
            }
            if self.filled == self.buffer.len() {
                self.buffer.resize(2 * self.filled, 0);
            }
            match self.stream.read(&mut self.buffer[self.filled..]).await? {
                0 => return Err(io::ErrorKind::UnexpectedEof.into()),
                n => self.filled += n,
            }
        }
    }

    fn status(&self, head: usize) -> io::Result<u16> {
        let line = self.buffer[..head].get(9..12).and_then(|digits| str::from_utf8(digits).ok());
        line.and_then(|digits| digits.parse().ok()).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }

    fn forget(&mut self, bytes: usize) {
        self.buffer.copy_within(bytes..self.filled, 0);
        self.filled -= bytes;
    }
}

/// Lengths of the head and the body, once the head is whole.
fn lengths(bytes: &[u8]) -> io::Result<Option<(usize, usize)>> {
    let Some(end) = bytes.windows(4).position(|window| window == b"\r\n\r\n") else {
        return Ok(None);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    let length = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("content-length").then(|| value.trim().parse().ok())?
    });
    match length {
        Some(length) => Ok(Some((end + 4, length))),
        None => Err(io::Error::new(io::ErrorKind::InvalidData, "an answer without its length")),
    }
}

/// One request on a connection of its own.
///
/// # Errors
///
/// When nothing answers.
pub fn fetch_once(address: SocketAddr, request: &[u8]) -> Result<Reply> {
    runtime()?.block_on(async {
        let asked = async { Connection::open(address).await?.fetch(request).await };
        let reply = tokio::time::timeout(TIMEOUT, asked).await.context("no answer in time")?;
        Ok(reply?)
    })
}

/// A runtime on the calling thread.
///
/// # Errors
///
/// When the kernel gives it no event queue.
pub fn runtime() -> Result<tokio::runtime::Runtime> {
    Ok(tokio::runtime::Builder::new_current_thread().enable_all().build()?)
}

/// How long a request may take before it counts as failed.
pub const TIMEOUT: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::lengths;

    #[test]
    fn an_answer_is_as_long_as_it_says() {
        assert_eq!(lengths(b"HTTP/1.1 200 OK\r\nContent-").unwrap(), None);
        let whole = b"HTTP/1.1 200 OK\r\ncontent-LENGTH: 12\r\n\r\nabc";
        assert_eq!(lengths(whole).unwrap(), Some((39, 12)));
        assert!(lengths(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
    }
}
