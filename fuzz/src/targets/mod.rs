//! The targets.
//!
//! A new one is a file with `pub fn target(data: &[u8])`, its `mod` line, and its line in
//! [`TARGETS`]. Inputs worth keeping go to `corpus/<name>/`.

/// Numbers and limits of control groups, in every file that has some.
mod admission_amounts;
/// Lists of CPUs.
mod admission_cpus;
/// Where a process stands among control groups, and where they are mounted.
mod admission_groups;
/// A configuration of AlmaLinux, with one mirror.
mod almalinux_config;
/// A mirror's file of AlmaLinux, with a configuration.
mod almalinux_mirror;
/// A configuration file of any text.
mod config_toml;
/// The table of continents.
mod countries;
/// A list of CPUs of any bytes.
mod cpu_list;
/// Debian's lists of mirrors.
mod debian_mirrors;
/// Headers of any bytes that say whose question it is.
mod headers;
/// What mirrorbits prints.
mod mirrorbits;
/// What MirrorBrain exports.
mod mirrorbrain;
/// A MirrorManager cache: reading, writing, and reading again.
mod mirrormanager_cache;
/// The table of announced prefixes.
mod netblocks;
/// What a serving node says that it has counted.
mod node_totals;
/// A prefix map of any prefixes, against a linear scan.
mod prefixmap_build;
/// A prefix map's image of any bytes, and lookups in what opens.
mod prefixmap_open;
/// A stranger's document of any bytes, as a probe worker looks at it.
mod probe_document;
/// Both directions between director and probe worker.
mod probe_wire;
/// A query string of any bytes, asked of a small world.
mod query;
/// A snapshot of any bytes: opening, and answers from what opens.
mod snapshot_open;
/// What a worker process wrote, as its parent reads it.
mod workers_channel;

/// One function under test.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// Its name: of its file, its folder in the corpus, and on the command line.
    pub name: &'static str,
    /// Returns, or panics over what it found.
    pub run: fn(&[u8]),
}

/// All targets.
pub const TARGETS: &[Target] = &[
    Target { name: "admission_amounts", run: admission_amounts::target },
    Target { name: "admission_cpus", run: admission_cpus::target },
    Target { name: "admission_groups", run: admission_groups::target },
    Target { name: "almalinux_config", run: almalinux_config::target },
    Target { name: "almalinux_mirror", run: almalinux_mirror::target },
    Target { name: "config_toml", run: config_toml::target },
    Target { name: "countries", run: countries::target },
    Target { name: "cpu_list", run: cpu_list::target },
    Target { name: "debian_mirrors", run: debian_mirrors::target },
    Target { name: "headers", run: headers::target },
    Target { name: "mirrorbits", run: mirrorbits::target },
    Target { name: "mirrorbrain", run: mirrorbrain::target },
    Target { name: "mirrormanager_cache", run: mirrormanager_cache::target },
    Target { name: "netblocks", run: netblocks::target },
    Target { name: "node_totals", run: node_totals::target },
    Target { name: "prefixmap_build", run: prefixmap_build::target },
    Target { name: "prefixmap_open", run: prefixmap_open::target },
    Target { name: "probe_document", run: probe_document::target },
    Target { name: "probe_wire", run: probe_wire::target },
    Target { name: "query", run: query::target },
    Target { name: "snapshot_open", run: snapshot_open::target },
    Target { name: "workers_channel", run: workers_channel::target },
];
