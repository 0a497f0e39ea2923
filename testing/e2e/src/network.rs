//! The mirrors as the director is told about them.
//!
//! A draw decides the order within a tier, so tests put each mirror into a tier of its own: the
//! first has the narrowest netblock around the client, the next a wider one, the last none.

use anyhow::{Context, Result};
use heliostat_model::{
    Directory, DirectoryIndex, File, FileDetail, Host, HostIndex, Mirror, MirrorIndex,
    MirrorSetIndex, Repository, Scheme, Url, World,
};

use crate::sha256;

/// A mirror network with one repository, `fedora-40` for `x86_64`.
#[derive(Debug, Clone, Default)]
pub struct Network {
    /// The mirrors, in the order in which a client on loopback is given them.
    pub mirrors: Vec<Listed>,
    /// What `repomd.xml` is, and was: newest first.
    pub repomds: Vec<FileDetail>,
}

/// A mirror as the catalog knows it.
#[derive(Debug, Clone)]
pub struct Listed {
    /// The name of the host.
    pub name: String,
    /// Its base URL.
    pub url: String,
}

impl Network {
    /// What clients append to a mirror's base URL to get to the repository.
    pub const FOLDER: &str = "releases/40/Everything/x86_64/os";

    /// Adds the next best mirror.
    #[must_use]
    pub fn with_mirror(mut self, name: &str, url: &str) -> Network {
        self.mirrors.push(Listed { name: name.to_owned(), url: url.to_owned() });
        self
    }

    /// Adds an older `repomd.xml`; the first one added is the current one.
    ///
    /// # Errors
    ///
    /// When it cannot be hashed.
    pub fn with_repomd(mut self, bytes: &[u8]) -> Result<Network> {
        self.repomds.push(FileDetail {
            timestamp_unix_s: Some(REPOMD_NEWEST_UNIX_S - self.repomds.len() as u64),
            size_bytes: Some(bytes.len() as u64),
            sha256: Some(sha256(bytes)?),
            ..FileDetail::default()
        });
        Ok(self)
    }

    /// The network in the form that compilers of snapshots take.
    ///
    /// # Errors
    ///
    /// When a URL is none, or there are more mirrors than tiers.
    pub fn world(&self) -> Result<World> {
        let mut world = World::new("end-to-end test", REPOMD_NEWEST_UNIX_S + 1);
        for (at, listed) in self.mirrors.iter().enumerate() {
            let id = at as u64 + 1;
            let mut host = Host::new(id, listed.name.as_str());
            let tier = TIERS.get(at).context("more mirrors than tiers")?;
            host.netblocks = tier.iter().map(|net| net.parse()).collect::<Result<_, _>>()?;
            world.hosts.push(host);
            let text = Url::parse(id, &listed.url).context("not a URL")?.text;
            let url = Url { id, scheme: Scheme::Http, text };
            world.mirrors.push(Mirror { host: HostIndex(at as u32), urls: vec![url] });
        }
        world.mirror_sets.push((0..self.mirrors.len() as u32).map(MirrorIndex).collect());
        world.directories = vec![directory("", vec![]), directory("/repodata", self.files())];
        world.repositories.push(Repository {
            prefix: "fedora-40".to_owned(),
            arch: "x86_64".to_owned(),
            directory: Some(DirectoryIndex(0)),
        });
        world.check().map_err(anyhow::Error::msg)?;
        Ok(world)
    }

    fn files(&self) -> Vec<File> {
        if self.repomds.is_empty() {
            return Vec::new();
        }
        vec![File { name: "repomd.xml".to_owned(), details: self.repomds.clone() }]
    }
}

fn directory(below: &str, files: Vec<File>) -> Directory {
    let subpath = format!("{}{below}", Network::FOLDER);
    Directory {
        name: format!("pub/fedora/linux/{subpath}"),
        subpath,
        public: MirrorSetIndex(1),
        private: MirrorSetIndex(0),
        files,
    }
}

/// Netblocks around a client on 127.0.0.1, narrowest first; the last mirror has none.
const TIERS: [&[&str]; 4] = [&["127.0.0.0/24"], &["127.0.0.0/16"], &["127.0.0.0/8"], &[]];

const REPOMD_NEWEST_UNIX_S: u64 = 1_700_000_300;
