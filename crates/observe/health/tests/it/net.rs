//! A network of mirrors on loopback addresses, and a catalog that knows them.
//!
//! One listener has every address of 127.0.0.0/8, so a mirror is an address: what it does is looked
//! up with each request.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use heliostat_catalog::category::Category;
use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::host::{Host, Mirror, MirrorUrl};
use heliostat_catalog::site::Site;
use heliostat_catalog::states::{MirrorState, StatesBuilder};
use heliostat_catalog::{Actor, Catalog, Ending, Place, Txn};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What a mirror does.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Does {
    /// It has everything.
    #[default]
    Right,
    /// It closes every connection.
    Dies,
    /// It answers with this, and these headers.
    Says(u16, &'static str),
    /// It has everything but this directory.
    Lacks(&'static str),
    /// It has an older version in this directory.
    Older(&'static str),
    /// It gives the same page for everything.
    Parks,
    /// It sends bytes without end.
    Floods,
    /// It takes connections and says nothing.
    Hangs,
}

/// The mirrors, and what they have seen.
#[derive(Debug, Default)]
pub(crate) struct Net {
    does: Mutex<HashMap<Ipv4Addr, Does>>,
    asked: Mutex<HashMap<Ipv4Addr, usize>>,
    open: AtomicUsize,
    pub(crate) open_max: AtomicUsize,
}

impl Net {
    /// Starts to listen; each mirror is as far away as `latency`.
    pub(crate) fn start(latency: Duration) -> (Arc<Net>, u16) {
        let net = Arc::new(Net::default());
        let listener = std::net::TcpListener::bind("0.0.0.0:0").expect("a socket");
        listener.set_nonblocking(true).expect("a socket");
        let port = listener.local_addr().expect("an address").port();
        let ours = net.clone();
        std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.expect("a runtime").block_on(async move {
                let listener = TcpListener::from_std(listener).expect("a listener");
                while let Ok((stream, _)) = listener.accept().await {
                    let net = ours.clone();
                    tokio::spawn(async move { net.serve(stream, latency).await });
                }
            });
        });
        (net, port)
    }

    pub(crate) fn does(&self, number: usize, does: Does) {
        self.does.lock().unwrap().insert(address(number), does);
    }

    /// How often a mirror has been asked.
    pub(crate) fn asked(&self, number: usize) -> usize {
        self.asked.lock().unwrap().get(&address(number)).copied().unwrap_or(0)
    }

    async fn serve(&self, mut stream: TcpStream, latency: Duration) -> Option<()> {
        let open = self.open.fetch_add(1, Ordering::Relaxed) + 1;
        self.open_max.fetch_max(open, Ordering::Relaxed);
        // The hands that were shaken.
        tokio::time::sleep(latency).await;
        let done = self.answers(&mut stream, latency).await;
        self.open.fetch_sub(1, Ordering::Relaxed);
        done
    }

    async fn answers(&self, stream: &mut TcpStream, latency: Duration) -> Option<()> {
        let Ok(SocketAddr::V4(own)) = stream.local_addr() else { return None };
        let (mut head, mut part) = (Vec::new(), [0; 2_048]);
        loop {
            while !head.ends_with(b"\r\n\r\n") {
                match stream.read(&mut part).await.ok()? {
                    0 => return None,
                    read => head.extend_from_slice(&part[..read]),
                }
                // Whoever wants TLS hears that this is something else.
                if head.first() == Some(&0x16) {
                    stream.write_all(b"HTTP/1.1 400 X\r\n\r\n").await.ok()?;
                    return None;
                }
            }
            *self.asked.lock().unwrap().entry(*own.ip()).or_default() += 1;
            let does = self.does.lock().unwrap().get(own.ip()).cloned().unwrap_or_default();
            let text = String::from_utf8_lossy(&head).into_owned();
            tokio::time::sleep(latency).await;
            let answer = match does {
                Does::Dies => return None,
                Does::Hangs => std::future::pending().await,
                Does::Floods => {
                    stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.ok()?;
                    loop {
                        stream.write_all(&[0; 4_096]).await.ok()?;
                    }
                }
                does => answer(&text, &does),
            };
            stream.write_all(answer.as_bytes()).await.ok()?;
            head.clear();
        }
    }
}

fn answer(head: &str, does: &Does) -> String {
    let path = head.split(' ').nth(1).unwrap_or_default();
    let body = match path.trim_start_matches("/linux/").strip_suffix("/repomd.xml") {
        Some(directory) => match does {
            Does::Lacks(lacked) if *lacked == directory => None,
            Does::Older(older) if *older == directory => Some(content(directory, 1)),
            _ => Some(content(directory, 0)),
        },
        None => None,
    };
    let (status, headers, body) = match (does, body) {
        (Does::Says(status, headers), _) => (*status, *headers, String::new()),
        (Does::Parks, _) => (200, "", "buy this domain".to_owned()),
        (_, Some(body)) => (200, "", body),
        (_, None) => (404, "", String::new()),
    };
    let length = body.len();
    let body = if head.starts_with("HEAD") { String::new() } else { body };
    format!("HTTP/1.1 {status} X\r\n{headers}content-length: {length}\r\n\r\n{body}")
}

fn content(directory: &str, rank: usize) -> String {
    format!("<repomd of=\"{directory}\" version=\"{}\"/>", 9 - rank)
}

pub(crate) fn address(number: usize) -> Ipv4Addr {
    Ipv4Addr::new(127, 1, (number / 250) as u8, (number % 250) as u8 + 1)
}

/// A catalog of so many mirrors of these directories, each with so many URLs.
pub(crate) fn catalog(place: &Place, hosts: usize, urls: usize, port: u16) -> Catalog {
    let mut catalog = Catalog::create(place, NOW).expect("a catalog");
    let actor = Actor { name: "test".to_owned(), now_unix_s: NOW };
    let filled = catalog.write(&actor, Ending::Commit, |txn| {
        let directories = tree(txn)?;
        let mut states = StatesBuilder::default();
        directories.iter().for_each(|&id| states.push(id, MirrorState::Current));
        let states = states.finish();
        for number in 0..hosts {
            let mut host = Host::new("Everybody", format!("mirror{number}.example"));
            host.contact = format!("admin{number}@example.org");
            let url = |at: usize| MirrorUrl {
                number: -1,
                url: match at {
                    0 => format!("http://{}:{port}/linux", address(number)),
                    at => format!("http://{}:{port}/linux/.{at}/..", address(number)),
                },
                private: false,
            };
            let urls = (0..urls).map(url).collect();
            let category = "Linux".to_owned();
            host.mirrors = vec![Mirror { id: 0, category, always_current: false, urls }];
            let host = txn.host_insert(host)?;
            txn.states_set(host.mirrors[0].id, &host.name, &states)?;
        }
        Ok(())
    });
    filled.expect("a catalog that is filled");
    catalog
}

fn tree(txn: &mut Txn<'_>) -> Result<Vec<i64>, heliostat_catalog::Error> {
    txn.site_insert(Site::new("Everybody"))?;
    let category = txn.category_insert(Category {
        id: 0,
        name: "Linux".to_owned(),
        top: "pub/linux".to_owned(),
        product: None,
        source: String::new(),
    })?;
    let mut directories: Vec<Directory> = (0..3)
        .map(|number| {
            let subpath = format!("{number}");
            let version = |rank: usize| FileDetail {
                timestamp_unix_s: Some(1_000 + number - rank as i64 * 500),
                size_bytes: Some(content(&subpath, rank).len() as i64),
                sha256: Some(sha256(&content(&subpath, rank))),
                ..FileDetail::default()
            };
            let files = [("repomd.xml".to_owned(), vec![version(0), version(1)])].into();
            let name = format!("pub/linux/{number}");
            let (category_id, source) = (category.id, String::new());
            Directory { id: 0, category_id, name, subpath: subpath.clone(), source, files }
        })
        .collect();
    txn.directories_insert(&mut directories)?;
    Ok(directories.iter().map(|directory| directory.id).collect())
}

fn sha256(text: &str) -> String {
    use sha2::Digest;
    let hash = sha2::Sha256::digest(text.as_bytes());
    hash.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether this machine has that address.
pub(crate) fn has(address: IpAddr) -> bool {
    std::net::TcpListener::bind((address, 0)).is_ok()
}

pub(crate) const NOW: u64 = 1_800_000_000;
