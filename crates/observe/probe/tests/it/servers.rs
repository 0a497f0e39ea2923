//! Servers that misbehave.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::time::Duration;

use heliostat_observe_probe::wire::{Format, Limit, Task};
use heliostat_observe_probe::{
    FetchError, FetchLimits, Fetched, Fetcher, Prober, Reach, Validators,
};

use crate::block_on;
use crate::documents::prober;

/// A server that answers each request by its path, until the test ends.
fn server() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || answer(stream, address));
        }
    });
    address
}

fn answer(mut stream: TcpStream, own: SocketAddr) -> std::io::Result<()> {
    let (mut head, mut part) = (Vec::new(), [0; 1024]);
    while !head.ends_with(b"\r\n\r\n") {
        match stream.read(&mut part)? {
            0 => return Ok(()),
            read => head.extend_from_slice(&part[..read]),
        }
    }
    let head = String::from_utf8_lossy(&head).to_lowercase();
    let path = head.split(' ').nth(1).unwrap_or_default();
    let close = "connection: close\r\n";
    match path {
        "/good" if head.contains("if-none-match: \"7\"") => {
            write!(stream, "HTTP/1.1 304 Not Modified\r\n{close}\r\n")
        }
        "/good" => write!(
            stream,
            "HTTP/1.1 200 OK\r\n{close}etag: \"7\"\r\ncontent-length: 9\r\n\r\n<repomd/>"
        ),
        "/large" => {
            write!(stream, "HTTP/1.1 200 OK\r\n{close}content-length: 99999999999\r\n\r\n")
        }
        "/short" => write!(stream, "HTTP/1.1 200 OK\r\n{close}content-length: 99\r\n\r\n<repomd/>"),
        "/endless" => {
            write!(stream, "HTTP/1.1 200 OK\r\n{close}\r\n")?;
            let zeros = vec![0; 1 << 20];
            while stream.write_all(&zeros).is_ok() {}
            Ok(())
        }
        "/silent" => {
            write!(stream, "HTTP/1.1 200 OK\r\n{close}content-length: 9\r\n\r\n<")?;
            std::thread::sleep(Duration::from_secs(20));
            Ok(())
        }
        "/loop" => moved(&mut stream, &format!("http://{own}/loop")),
        "/there" => moved(&mut stream, "/good"),
        "/inside" => moved(&mut stream, "http://10.0.0.1/"),
        "/metadata" => moved(&mut stream, "http://169.254.169.254/latest/meta-data"),
        "/file" => moved(&mut stream, "file:///etc/passwd"),
        _ => write!(stream, "HTTP/1.1 404 Not Found\r\n{close}content-length: 0\r\n\r\n"),
    }
}

fn moved(stream: &mut TcpStream, to: &str) -> std::io::Result<()> {
    write!(stream, "HTTP/1.1 302 Found\r\nconnection: close\r\nlocation: {to}\r\n\r\n")
}

fn fetcher(reach: Reach) -> Fetcher {
    let patience = Duration::from_millis(500);
    let limits = FetchLimits { silence: patience, ..FetchLimits::new(reach) };
    Fetcher::new("test", limits).expect("a client")
}

async fn get(prober: &Prober, reach: Reach, url: String) -> Result<Fetched, FetchError> {
    let task = Task::new(Format::Repomd);
    fetcher(reach).document(prober, task, &url, &Validators::default()).await
}

pub(crate) fn bodies_come_and_stay() {
    block_on(async {
        let (server, prober) = (server(), prober("worker"));
        let url = format!("http://{server}/good");
        let fetched = get(&prober, Reach::Loopback, url.clone()).await.expect("a body");
        let Fetched::Body(document, validators) = fetched else { panic!("it is new") };
        assert!(prober.probe(*document).await.is_ok());
        assert_eq!(validators.etag.as_deref(), Some("\"7\""));
        let task = Task::new(Format::Repomd);
        let again = fetcher(Reach::Anywhere).document(&prober, task, &url, &validators).await;
        assert!(matches!(again, Ok(Fetched::NotModified)));
        let absent = get(&prober, Reach::Loopback, format!("http://{server}/no")).await;
        assert!(absent.is_err_and(|error| error.is_absent()));
        let short = get(&prober, Reach::Loopback, format!("http://{server}/short")).await;
        assert!(matches!(short, Err(FetchError::Broken(_))));
    });
}

pub(crate) fn bodies_without_end_end() {
    block_on(async {
        let (server, prober) = (server(), prober("worker"));
        for path in ["large", "endless"] {
            let fetched = get(&prober, Reach::Loopback, format!("http://{server}/{path}")).await;
            assert_eq!(fetched.expect_err(path).limit(), Some(Limit::BodyBytes), "{path}");
        }
        assert_eq!(prober.counts().refused, [(Limit::BodyBytes, 2)]);
    });
}

pub(crate) fn redirects_stay_in_the_world() {
    block_on(async {
        let (server, prober) = (server(), prober("worker"));
        let url = |path: &str| format!("http://{server}/{path}");
        assert!(get(&prober, Reach::Loopback, url("there")).await.is_ok());
        for path in ["inside", "metadata"] {
            let error = get(&prober, Reach::Loopback, url(path)).await.expect_err(path);
            assert!(matches!(error, FetchError::Forbidden(_)), "{error:?}");
        }
        let error = get(&prober, Reach::Loopback, url("loop")).await;
        assert!(matches!(error, Err(FetchError::Broken(_))), "{error:?}");
        // To other schemes nobody goes; what is left is the redirect itself.
        let error = get(&prober, Reach::Loopback, url("file")).await;
        assert!(matches!(error, Err(FetchError::Status(302))), "{error:?}");
        // Without leave, not even the first step; also by a name.
        for host in [server.to_string(), format!("localhost:{}", server.port())] {
            let error = get(&prober, Reach::Public, format!("http://{host}/good")).await;
            assert!(matches!(error, Err(FetchError::Forbidden(_))), "{host}: {error:?}");
        }
        let error = get(&prober, Reach::Anywhere, "file:///etc/passwd".into()).await;
        assert!(matches!(error, Err(FetchError::Url(_))));
    });
}

pub(crate) fn silence_is_not_waited_for() {
    block_on(async {
        let (server, prober) = (server(), prober("worker"));
        let error = get(&prober, Reach::Loopback, format!("http://{server}/silent")).await;
        assert!(matches!(error, Err(FetchError::Broken(_))), "{error:?}");
    });
}
