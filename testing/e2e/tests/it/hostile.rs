//! No bytes end a connection without an answer.
//!
//! Whatever a whole request contains, something sane comes back, and the server goes on. The
//! server is checked after every sample, so that a crash is blamed on the right one.

use anyhow::{Context, Result};
use heliostat_testing_e2e::{Director, exchange};

use crate::fixture::{MIRRORLIST, snapshot_of};

#[test]
fn hostile_queries_are_answered() -> Result<()> {
    let long = "a".repeat(7000);
    let queries = [
        "",
        "?",
        "?&&&&=&=&;",
        "?repo=%",
        "?repo=%f",
        "?repo=%zz&arch=x86_64",
        "?repo=%ff%fe&arch=%c0%80",
        "?repo=%00&arch=%0d%0aX-Injected:%20yes",
        "?repo=fedora-40&arch=x86_64&ip=%",
        "?repo=fedora-40&arch=x86_64&ip=::ffff:999.1.1.1",
        "?repo=fedora-40&arch=x86_64&ip=1.2.3.4/33",
        "?repo=fedora-40&arch=x86_64&country=%0d%0a,,,,global,\u{7f}",
        "?repo=fedora-40&arch=x86_64&country=%e2%80%ae",
        "?repo=fedora-40&arch=x86_64&protocol=gopher,,,https,javascript:",
        "?repo=fedora-40&arch=x86_64&netblock=-1&time&redirect&explain&list&countme=99999999999",
        "?path=../../../../etc/passwd",
        "?path=//////////",
        "?path=%2e%2e%2f%00",
        "?path=pub/fedora/linux/releases/40/Everything/x86_64/os/repodata/repomd.xml%00",
        "?repo=<script>&arch=--%3e%3c!--",
        &format!("?repo={long}&arch=x86_64"),
        &format!("?repo=fedora-40&arch=x86_64&country={}", "se,".repeat(2000)),
        &format!("?{}", "a=b&".repeat(1700)),
    ];
    let requests = queries.iter().flat_map(|query| {
        ["/mirrorlist", "/metalink"].map(|page| format!("GET {page}{query} HTTP/1.1\r\n{HOST}"))
    });
    check(requests.map(|request| (request.into_bytes(), Sane::Any)).collect())
}

#[test]
fn hostile_headers_are_answered() -> Result<()> {
    let many = (0..40).map(|n| format!("X-Header-{n}: {n}\r\n")).collect::<String>();
    let headers: Vec<Vec<u8>> = [
        "X-Forwarded-For: \r\n",
        "X-Forwarded-For: ,,,,,\r\n",
        "X-Forwarded-For: 1.2.3.4, [::1]:80, nonsense, 999.999.999.999\r\n",
        "X-Forwarded-For: unknown\r\nX-Forwarded-For: _hidden\r\n",
        "X-Forwarded-For: [\r\n",
        "X-Forwarded-For: [::1\r\n",
        "Forwarded: for=\"\r\n",
        "Forwarded: for=\"[2001:db8::1]:4711\";by=;;;=,=\r\n",
        "Accept: */*;q=nonsense,,,;\r\n",
        "User-Agent: () { :; }; echo\r\n",
        "Cookie: a=b\r\nCookie: \r\n",
        "If-Modified-Since: the day before yesterday\r\n",
        "Connection: close, upgrade, nonsense\r\nUpgrade: h2c\r\n",
        "Expect: the-unexpected\r\n",
        "Range: bytes=9-1,-,--\r\n",
        &many,
    ]
    .iter()
    .map(|header| header.as_bytes().to_vec())
    .chain([b"X-Forwarded-For: \xff\xfe\x80\r\n".to_vec(), b"X-Bytes: \x80\x9f\xff\r\n".to_vec()])
    .collect();
    let requests = headers.into_iter().map(|header| {
        let line = format!("GET {MIRRORLIST} HTTP/1.1\r\nHost: a\r\n");
        ([line.as_bytes(), &header, b"\r\n"].concat(), Sane::Good)
    });
    check(requests.collect())
}

#[test]
fn requests_that_are_no_http_are_refused_with_words() -> Result<()> {
    let long_line = format!("GET /{} HTTP/1.1\r\n{HOST}", "a".repeat(100_000));
    let long_header = format!("GET / HTTP/1.1\r\nX: {}\r\n{HOST}", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\n{}{HOST}", "X: y\r\n".repeat(5000));
    let samples: Vec<Vec<u8>> = vec![
        b"\x00\x01\x02\x03\r\n\r\n".to_vec(),
        b"GET\r\n\r\n".to_vec(),
        b"GET / HTTP/9.9\r\n\r\n".to_vec(),
        b"GET /mirrorlist?repo=\xff\xfe HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        b"GET /mirrorlist HTTP/1.1\r\nNo colon\r\n\r\n".to_vec(),
        b"GET /mirrorlist HTTP/1.1\r\nBad\x00name: a\r\n\r\n".to_vec(),
        b"GET /mirrorlist HTTP/1.1\r\nContent-Length: -1\r\n\r\n".to_vec(),
        b"GET /mirrorlist HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n".to_vec(),
        b"GET http://[ HTTP/1.1\r\nHost: a\r\n\r\n".to_vec(),
        long_line.into_bytes(),
        long_header.into_bytes(),
        many.into_bytes(),
    ];
    check(samples.into_iter().map(|sample| (sample, Sane::Any)).collect())
}

#[test]
fn other_methods_are_answered() -> Result<()> {
    let methods = ["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "BREW", "get"];
    let requests = methods.map(|method| {
        let request = format!("{method} {MIRRORLIST} HTTP/1.1\r\nContent-Length: 0\r\n{HOST}");
        (request.into_bytes(), Sane::Status(405))
    });
    check(requests.into())
}

/// What counts as sane.
#[derive(Debug, Clone, Copy)]
enum Sane {
    /// Any status but a server's failure.
    Any,
    /// As if the strange part were not there.
    Good,
    /// This one.
    Status(u16),
}

/// Sends each request on a connection of its own, and a good one after it.
fn check(requests: Vec<(Vec<u8>, Sane)>) -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let director = Director::start_ready(folder.path(), &snapshot, &[])?;
    for (request, sane) in requests {
        let shown = String::from_utf8_lossy(&request[..request.len().min(200)]).into_owned();
        let answer = exchange(director.address, &request).with_context(|| shown.clone())?;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        let status = status(&answer).with_context(|| format!("no answer to {shown:?}"))?;
        let good = match sane {
            Sane::Any => (200..500).contains(&status),
            Sane::Good => status == 200,
            Sane::Status(expected) => status == expected,
        };
        assert!(good, "{status} is not {sane:?} for {shown:?}\n{answer}");
        assert!(!answer.to_lowercase().contains("\nx-injected"), "{answer}");
        assert_eq!(director.get(MIRRORLIST)?.status, 200, "after {shown:?}");
    }
    assert!(director.stop()?.status.success());
    Ok(())
}

fn status(answer: &str) -> Option<u16> {
    answer.strip_prefix("HTTP/1.")?.split(' ').nth(1)?.parse().ok()
}

const HOST: &str = "Host: a\r\nConnection: close\r\n\r\n";
