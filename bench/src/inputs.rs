//! The files that a server is started with.
//!
//! Made once from a seeded world and kept beside the build's output: the files that MirrorManager
//! would hand over (twice, made a minute apart, so that one snapshot can replace another), a
//! country database, and the requests of the load.

use std::fs::{self, File};
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use heliostat_exchange::mirrormanager;
use heliostat_model::World;
use heliostat_testing_world::{Endpoint, Scale, country_database, generate};

use crate::targets::Targets;

/// Where the files lie.
#[derive(Clone, Debug)]
pub struct Inputs {
    /// The folder of all of them.
    pub folder: PathBuf,
    /// Which world they are of.
    pub scale: Scale,
    /// MirrorManager's cache.
    pub cache: PathBuf,
    /// The same, made a minute later.
    pub cache_next: PathBuf,
    /// The routing table.
    pub netblocks: PathBuf,
    /// The continents.
    pub countries: PathBuf,
    /// The country database.
    pub geoip: PathBuf,
    /// Requests for mirrorlists.
    pub mirrorlists: PathBuf,
    /// Requests for metalinks.
    pub metalinks: PathBuf,
}

impl Inputs {
    /// Makes the files in a folder, or finds them there.
    ///
    /// # Errors
    ///
    /// When a file cannot be written.
    pub fn make(folder: &Path, scale: Scale) -> Result<Inputs> {
        let folder = folder.join(scale.as_str());
        fs::create_dir_all(&folder).with_context(|| format!("{}", folder.display()))?;
        let inputs = Inputs::at(folder, scale);
        let stamp_file = inputs.folder.join("stamp");
        let stamp = stamp();
        if fs::read_to_string(&stamp_file).is_ok_and(|found| found == stamp) {
            return Ok(inputs);
        }
        eprintln!("making a world of scale {scale} ...");
        inputs.write(&mut generate(scale, SEED))?;
        fs::write(stamp_file, stamp)?;
        Ok(inputs)
    }

    /// The requests of an endpoint.
    pub fn targets(&self, endpoint: Endpoint) -> &Path {
        match endpoint {
            Endpoint::Mirrorlist => &self.mirrorlists,
            Endpoint::Metalink => &self.metalinks,
        }
    }

    fn at(folder: PathBuf, scale: Scale) -> Inputs {
        let file = |name: &str| folder.join(name);
        Inputs {
            scale,
            cache: file("mirrorlist_cache.proto"),
            cache_next: file("mirrorlist_cache.next.proto"),
            netblocks: file("global_netblocks.txt"),
            countries: file("country_continent.csv"),
            geoip: file("countries.mmdb"),
            mirrorlists: file("mirrorlists.txt"),
            metalinks: file("metalinks.txt"),
            folder,
        }
    }

    fn write(&self, world: &mut World) -> Result<()> {
        into(&self.netblocks, |out| Ok(mirrormanager::netblocks_write(world, out)?))?;
        into(&self.countries, |out| Ok(mirrormanager::countries_write(world, out)?))?;
        into(&self.cache, |out| Ok(mirrormanager::cache_write(world, out)?))?;
        world.created_unix_s += 60;
        into(&self.cache_next, |out| Ok(mirrormanager::cache_write(world, out)?))?;
        fs::write(&self.geoip, country_database(self.scale, SEED))?;
        for (endpoint, seed) in [(Endpoint::Mirrorlist, 1), (Endpoint::Metalink, 2)] {
            Targets::of(world, endpoint, TARGETS, seed).write(self.targets(endpoint))?;
        }
        Ok(())
    }
}

fn into(path: &Path, write: impl FnOnce(&mut BufWriter<File>) -> Result<()>) -> Result<()> {
    let file = File::create(path).with_context(|| format!("{}", path.display()))?;
    let mut out = BufWriter::with_capacity(1 << 20, file);
    write(&mut out)?;
    out.flush().with_context(|| format!("{}", path.display()))
}

/// Changes when the generator of worlds does: then the small world changes, too.
fn stamp() -> String {
    let mut hasher = DefaultHasher::new();
    format!("{:?}", generate(Scale::Small, SEED)).hash(&mut hasher);
    country_database(Scale::Small, SEED).hash(&mut hasher);
    TARGETS.hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}

const SEED: u64 = 1;
const TARGETS: usize = 100_000;
