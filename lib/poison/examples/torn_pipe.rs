//! A pipe between many callers and one peer: a caller that is cancelled in the middle of a frame
//! must not let the next one write into it.
//!
//! The next one sees why, opens another pipe with `replace`, and goes on.
//!
//! `cargo run -p heliostat-poison --example torn_pipe`

#![expect(clippy::print_stdout, reason = "an example that shows what happens")]

use std::io;
use std::time::Duration;

use heliostat_poison::Poison;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
use tokio::sync::Mutex;
use tokio::time::timeout;

type Pipe = Poison<DuplexStream>;

/// A frame is its length, then its bytes. Written in two steps, and each may wait.
async fn send(pipe: &Mutex<Pipe>, body: &[u8]) -> io::Result<()> {
    let mut pipe = pipe.lock().await;
    if let Some(error) = pipe.error() {
        println!("  a new pipe, because: {error}");
        pipe.replace(connect());
    }
    pipe.run(async |pipe| {
        pipe.write_u32(u32::try_from(body.len()).map_err(io::Error::other)?).await?;
        pipe.write_all(body).await
    })
    .await
}

/// The peer: reads a frame, waits, reads the next.
fn connect() -> DuplexStream {
    let (near, mut far) = duplex(64);
    tokio::spawn(async move {
        while let Ok(len) = far.read_u32().await {
            let mut body = vec![0; len as usize];
            match far.read_exact(&mut body).await {
                Ok(_) => println!("  the peer got {:?}", String::from_utf8_lossy(&body)),
                Err(error) => return println!("  the peer saw a torn frame: {error}"),
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    });
    near
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> io::Result<()> {
    let pipe = Mutex::new(Poison::new("pipe", connect()));
    println!("one frame:");
    send(&pipe, b"first").await?;

    println!("a caller without patience, in the middle of a long frame:");
    let long = [b'x'; 4096];
    // The peer sleeps, the pipe fills up, the caller goes.
    let sent = timeout(Duration::from_millis(20), send(&pipe, &long)).await;
    println!("  the caller was {}", if sent.is_err() { "cancelled" } else { "served" });

    println!("the next one:");
    send(&pipe, b"second").await?;
    tokio::time::sleep(Duration::from_millis(100)).await;
    Ok(())
}
