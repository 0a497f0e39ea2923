//! A small HTTP client that shows every byte.
//!
//! Tests of a server must be able to send what no library would send, and to see what came back
//! before anybody interpreted it.

use std::fmt;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};

use anyhow::{Context, Result, bail};

use crate::PATIENCE;

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// The status code.
    pub status: u16,
    /// Names in lower case, and values, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The body.
    pub body: String,
}

impl Response {
    /// The first header of a name, which is given in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        let (_, value) = self.headers.iter().find(|(known, _)| known == name)?;
        Some(value)
    }
}

/// An answer began and did not end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CutShort;

impl fmt::Display for CutShort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the answer is cut short")
    }
}

/// A connection that is kept open.
#[derive(Debug)]
pub struct Connection {
    stream: BufReader<TcpStream>,
}

impl Connection {
    /// Connects; reading and writing end in an error after [`PATIENCE`].
    ///
    /// # Errors
    ///
    /// When nobody listens.
    pub fn open(address: SocketAddr) -> Result<Connection> {
        let stream = TcpStream::connect_timeout(&address, PATIENCE)
            .with_context(|| format!("cannot connect to {address}"))?;
        stream.set_read_timeout(Some(PATIENCE))?;
        stream.set_write_timeout(Some(PATIENCE))?;
        stream.set_nodelay(true)?;
        Ok(Connection { stream: BufReader::new(stream) })
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    ///
    /// When the other side is gone.
    pub fn send(&mut self, bytes: &[u8]) -> Result<()> {
        self.stream.get_mut().write_all(bytes).context("cannot send")
    }

    /// Asks for something with the fewest headers.
    ///
    /// # Errors
    ///
    /// When the other side is gone, or its answer is no HTTP.
    pub fn get(&mut self, target: &str) -> Result<Response> {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: director\r\n\r\n").as_bytes())?;
        self.receive()
    }

    /// Reads one answer; there is none when the other side closed instead.
    ///
    /// # Errors
    ///
    /// When what comes is no answer.
    pub fn receive(&mut self) -> Result<Response> {
        let status_line = self.line()?.context("closed without an answer")?;
        let status = status_line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.with_context(|| format!("no status in {status_line:?}"))?;
        let mut headers = Vec::new();
        loop {
            let line = self.line()?.context(CutShort)?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').context("a header without a colon")?;
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut response = Response { status, headers, body: String::new() };
        response.body = self.body(&response)?;
        Ok(response)
    }

    /// Says that nothing more will be sent, and reads all that still comes.
    ///
    /// # Errors
    ///
    /// When the connection breaks instead of closing.
    pub fn finish(mut self) -> Result<Vec<u8>> {
        match self.stream.get_ref().shutdown(Shutdown::Write) {
            // The other side has answered and closed already; what it said can still be read.
            Err(error) if error.kind() == std::io::ErrorKind::NotConnected => {}
            done => done.context("cannot shut down")?,
        }
        let mut rest = Vec::new();
        self.stream.read_to_end(&mut rest).context("cannot read to the end")?;
        Ok(rest)
    }

    fn line(&mut self) -> Result<Option<String>> {
        let mut line = Vec::new();
        if self.stream.read_until(b'\n', &mut line).context("cannot read a line")? == 0 {
            return Ok(None);
        }
        Ok(Some(String::from_utf8_lossy(&line).trim_end().to_owned()))
    }

    fn body(&mut self, response: &Response) -> Result<String> {
        if let Some(length) = response.header("content-length") {
            let mut body = vec![0; length.parse().context("no length")?];
            self.stream.read_exact(&mut body).context(CutShort)?;
            return String::from_utf8(body).context("the body is no text");
        }
        if response.header("transfer-encoding").is_some() {
            bail!("the body has no length");
        }
        Ok(String::new())
    }
}

/// One request on a connection of its own.
///
/// # Errors
///
/// When there is no answer.
pub fn get(address: SocketAddr, target: &str) -> Result<Response> {
    Connection::open(address)?.get(target)
}

/// Sends bytes on a connection of their own and returns whatever comes back until it is closed.
///
/// # Errors
///
/// When the other side breaks the connection, or neither answers nor closes.
pub fn exchange(address: SocketAddr, bytes: &[u8]) -> Result<Vec<u8>> {
    let mut connection = Connection::open(address)?;
    connection.send(bytes)?;
    connection.finish()
}
