//! The fleet is what it says, seen by a client that interprets nothing.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::{
    Away, Clock, Content, Fleet, Hostility, Manner, Mirror, Post, Primary, Style, Tree, generated,
};

/// What came of a request: the head, and at most so many bytes of the body.
fn ask(address: SocketAddr, request: &str, most: usize) -> (String, Vec<u8>) {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let head = format!("{request} HTTP/1.1\r\nHost: mirror\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    let (mut bytes, mut buffer) = (Vec::new(), [0; 65_536]);
    while bytes.len() < most {
        match stream.read(&mut buffer) {
            Ok(0) => break,
            Ok(read) => bytes.extend_from_slice(&buffer[..read]),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => break,
            Err(error) => panic!("{request}: {error}"),
        }
    }
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap_or(bytes.len());
    let head = String::from_utf8_lossy(&bytes[..end]).to_lowercase();
    (head, bytes.get(end + 4..).unwrap_or_default().to_vec())
}

fn get(mirror: &Mirror, path: &str) -> (String, Vec<u8>) {
    ask(mirror.address(), &format!("GET /linux/{path}"), 20 << 20)
}

fn text(mirror: &Mirror, path: &str) -> String {
    String::from_utf8_lossy(&get(mirror, path).1).into_owned()
}

fn one(manner: Manner, style: Style) -> (Fleet, Mirror) {
    let primary = Primary::small(NOW_UNIX_S);
    let post = Post::new("one", primary.newest()).manner(manner).style(style);
    let fleet = Fleet::start([post]).unwrap();
    let mirror = fleet.mirrors()[0].clone();
    (fleet, mirror)
}

#[test]
fn an_honest_mirror_serves_what_it_holds() {
    let (_fleet, mirror) = one(Manner::Honest, Style::Nginx);
    let path = "updates/40/x86_64/repodata/repomd.xml";
    let tree = mirror.tree();
    let file = tree.file(path).unwrap();
    let (head, body) = get(&mirror, path);
    assert!(head.starts_with("http/1.1 200"), "{head}");
    assert_eq!(Content::from(body), file.content);
    let known = head.lines().find_map(|line| line.strip_prefix("last-modified: ")).unwrap();
    let known = format!("GET /linux/{path} HTTP/1.1\r\nIf-Modified-Since: {known}\r\nX: ");
    let known = known.replace("sun,", "Sun,").replace(" gmt", " GMT");
    // The month is written as servers write it.
    let known = known.replace(" nov ", " Nov ");
    let (head, body) = ask(mirror.address(), &known, 1 << 20);
    assert!(head.starts_with("http/1.1 304") && body.is_empty(), "{head}");
    let range = format!("GET /linux/{path} HTTP/1.1\r\nRange: bytes=2-5\r\nX: ");
    let (head, body) = ask(mirror.address(), &range, 1 << 20);
    assert!(head.starts_with("http/1.1 206") && head.contains("bytes 2-5/"), "{head}");
    assert_eq!(body, b"xml ");
    let (head, body) = ask(mirror.address(), &format!("HEAD /linux/{path}"), 1 << 20);
    assert!(head.contains(&format!("content-length: {}", file.length())) && body.is_empty());
    assert!(get(&mirror, "updates").0.contains("location: /linux/updates/"));
    assert!(get(&mirror, "no/such").0.starts_with("http/1.1 404"));
    assert!(ask(mirror.address(), "GET /other", 1 << 20).0.starts_with("http/1.1 404"));
    let counts = mirror.counts();
    assert_eq!((counts.requests, counts.heads, counts.not_modified), (7, 1, 1));
    assert_eq!((counts.not_found, mirror.count_of(path)), (2, 4));
}

#[test]
fn every_style_lists_the_same() {
    for style in [Style::Apache, Style::Nginx, Style::Lighttpd, Style::Caddy] {
        let (_fleet, mirror) = one(Manner::Honest, style);
        let page = text(&mirror, "");
        for name in ["debian/", "iso/", "releases/", "updates/"] {
            assert!(page.contains(&format!("{name}\"")), "{style:?}: {page}");
        }
        assert!(text(&mirror, "iso/").contains("SHA256SUMS"));
    }
    let (_fleet, bucket) = one(Manner::Honest, Style::Bucket);
    let listed = text(&bucket, "?list-type=2&prefix=iso%2F&delimiter=%2F&max-keys=1");
    assert!(listed.contains("<Key>iso/SHA256SUMS</Key>"), "{listed}");
    assert!(listed.contains("<NextContinuationToken>iso/SHA256SUMS<"), "{listed}");
    let rest = text(&bucket, "?list-type=2&prefix=iso/&continuation-token=iso/SHA256SUMS");
    assert!(rest.contains("<Size>300000</Size>") && rest.contains("<IsTruncated>false"), "{rest}");
    let folders = text(&bucket, "?list-type=2&delimiter=/");
    assert!(folders.contains("<CommonPrefixes><Prefix>iso/</Prefix>"), "{folders}");
    let (_fleet, none) = one(Manner::Honest, Style::None);
    assert!(get(&none, "iso/").0.starts_with("http/1.1 403"));
    assert!(get(&none, "iso/SHA256SUMS").0.starts_with("http/1.1 200"));
}

#[test]
fn a_release_spreads_when_mirrors_take_it() {
    let mut primary = Primary::small(NOW_UNIX_S);
    let fleet = Fleet::start(["fresh", "stale"].map(|name| Post::new(name, primary.newest())));
    let fleet = fleet.unwrap();
    let repomd = format!("{}/repodata/repomd.xml", Primary::UPDATES);
    let [fresh, stale] = ["fresh", "stale"].map(|name| fleet.mirror(name).unwrap());
    assert_ne!(fresh.address().ip(), stale.address().ip());
    assert_eq!(primary.release(NOW_UNIX_S), 2);
    fresh.take(primary.newest());
    assert_ne!(text(fresh, &repomd), text(stale, &repomd));
    assert_eq!(stale.tree().file(&repomd), primary.behind(1).file(&repomd));
    stale.take(primary.newest());
    assert_eq!(text(fresh, &repomd), text(stale, &repomd));
    assert!(stale.lose("debian") && !stale.lose("debian"));
    assert!(get(stale, "debian/dists/stable/Release").0.starts_with("http/1.1 404"));
    assert!(get(fresh, "debian/dists/stable/Release").0.starts_with("http/1.1 200"));
    assert!(primary.newest().folder("debian").is_some(), "others hold what they held");
}

#[test]
fn a_mirror_dies_and_comes_back_at_its_address() {
    let (_fleet, mirror) = one(Manner::Honest, Style::Apache);
    let refused = || {
        let error = TcpStream::connect(mirror.address()).err();
        error.is_some_and(|error| error.kind() == ErrorKind::ConnectionRefused)
    };
    for _ in 0..3 {
        assert!(get(&mirror, "iso/").0.starts_with("http/1.1 200"));
        let mut standing = TcpStream::connect(mirror.address()).unwrap();
        mirror.behave(Manner::Refuses);
        let begun = Instant::now();
        while !refused() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        assert!(refused());
        let mut left = Vec::new();
        // It ends, one way or another.
        let _ = standing.read_to_end(&mut left);
        assert_eq!(left, b"");
        mirror.behave(Manner::Honest);
        while refused() && begun.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
    }
}

#[test]
fn manners_are_what_they_say() {
    let (_fleet, mirror) = one(Manner::LiesAboutSizes, Style::Nginx);
    assert!(text(&mirror, "iso/").contains("600001"));
    assert!(ask(mirror.address(), "HEAD /linux/iso/heliostat-40.iso", 1000).0.contains("600001"));
    mirror.behave(Manner::Clock(Clock::Y1970));
    assert!(text(&mirror, "iso/").contains("01-Jan-1970 00:00"));
    mirror.behave(Manner::Clock(Clock::Y2100));
    assert!(get(&mirror, "iso/SHA256SUMS").0.contains("fri, 01 jan 2100 00:00:00 gmt"));
    mirror.behave(Manner::Busy { status: 429, retry_after_s: 7 });
    let (head, _) = get(&mirror, "iso/");
    assert!(head.starts_with("http/1.1 429") && head.contains("retry-after: 7"), "{head}");
    for away in Away::ALL {
        mirror.behave(Manner::Redirects(away));
        let (head, _) = get(&mirror, "iso/");
        assert!(head.starts_with("http/1.1 302") && head.contains("location: "), "{head}");
    }
    mirror.behave(Manner::Late(Duration::from_millis(200)));
    let begun = Instant::now();
    get(&mirror, "iso/");
    assert!(begun.elapsed() >= Duration::from_millis(200));
    mirror.behave(Manner::Trickles(200));
    let begun = Instant::now();
    assert_eq!(get(&mirror, "iso/SHA256SUMS").1.len(), 83);
    assert!(begun.elapsed() >= Duration::from_millis(300));
    mirror.behave(Manner::Fails { permille: 500, seed: 1 });
    let before = mirror.counts();
    let outcomes: Vec<bool> =
        (0..100).map(|_| get(&mirror, "iso/SHA256SUMS").1.len() == 83).collect();
    let fine = outcomes.iter().filter(|&&fine| fine).count();
    assert!((30..70).contains(&fine), "{fine}");
    assert_eq!(mirror.counts().spoiled - before.spoiled, 100 - fine as u64);
}

#[test]
fn hostile_mirrors_send_what_they_should_not() {
    for &hostility in Hostility::ALL {
        let (_fleet, mirror) = one(Manner::Hostile(hostility), Style::Nginx);
        let page = get(&mirror, "iso/");
        let (head, body) = get(&mirror, "iso/SHA256SUMS");
        let listed = String::from_utf8_lossy(&page.1).into_owned();
        let sound = match hostility {
            Hostility::EndlessBody => body.len() >= 19 << 20,
            Hostility::EndlessListing => page.1.len() >= 19 << 20,
            Hostility::GzipZeros => head.contains("content-length: 1") && body.len() > 8 << 20,
            Hostility::XmlEntities => listed.contains("<!ENTITY a9"),
            Hostility::XmlDepth => body.len() > 3_000_000,
            Hostility::MillionNames => listed.matches("<a href").count() == 1_000_000,
            Hostility::NamesUp => listed.contains("../../etc/passwd"),
            Hostility::NamesNul => page.1.contains(&0),
            Hostility::NamesLine => listed.contains("a\nb.rpm"),
            Hostility::NamesUtf8 => page.1.contains(&0xff),
            Hostility::NamesLong => page.1.len() > 1 << 20,
            Hostility::LengthTooLong => head.contains("content-length: 1083") && body.len() == 83,
            Hostility::LengthTooShort => head.contains("content-length: 41") && body.len() == 41,
            Hostility::Changing => body != get(&mirror, "iso/SHA256SUMS").1,
            Hostility::BrokenTls => mirror.url().starts_with("https://") && head.contains("400"),
            Hostility::EndlessHead => head.len() > 19 << 20,
            Hostility::Garbage => !head.contains("http/"),
        };
        assert!(sound, "{hostility:?}: {} {}", head.len(), body.len());
        assert!(hostility == Hostility::Changing || mirror.counts().spoiled > 0, "{hostility:?}");
    }
}

#[test]
fn a_tree_is_on_disk_as_it_is_in_memory() {
    let folder = tempfile::tempdir().unwrap();
    let mut primary = Primary::small(NOW_UNIX_S);
    for _ in 0..2 {
        primary.newest().write(folder.path()).unwrap();
        let read = Tree::read(folder.path()).unwrap();
        let newest = primary.newest();
        let paths = |tree: &Tree| tree.files().map(|(path, _)| path).collect::<Vec<_>>();
        assert_eq!(paths(&read), paths(&newest));
        for (path, file) in newest.files() {
            let on_disk = read.file(&path).unwrap();
            assert_eq!(on_disk.modified_unix_s, file.modified_unix_s, "{path}");
            assert_eq!(on_disk.piece(0, 60_000), file.piece(0, 60_000), "{path}");
        }
        primary.release(NOW_UNIX_S);
    }
}

/// Memory of one, whoever holds it.
#[test]
fn a_large_tree_is_shared() {
    let tree = Arc::new(generated(30_000, 3, 1, NOW_UNIX_S));
    assert!((29_000..31_500).contains(&tree.folder_count()), "{}", tree.folder_count());
    let posts = (0..200).map(|at| Post::new(format!("{at}"), Arc::clone(&tree)).without_paths());
    let fleet = Fleet::start(posts).unwrap();
    assert_eq!(Arc::strong_count(&tree), 201);
    assert!(text(&fleet.mirrors()[199], "05/").contains("00/\""));
}

const NOW_UNIX_S: i64 = 1_732_000_000;
