//! The commands and their arguments: the table from which `--help` comes.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use clap::{Parser, Subcommand, ValueEnum};
use heliostat_admission::{Bytes, Headroom};

use crate::capacity;
use crate::catalog::args as catalog;
use crate::catalog::{
    ArchiveArgs, CrawlArgs, ExpireArgs, HealthArgs, MirrorsArgs, NotifyArgs, PropagationArgs,
    ReleaseArgs, ReportArgs, Resource, ScanArgs,
};
use crate::config::ConfigArgs;
use crate::serve_options::ServeOptions;
use crate::store::StoreArgs;
use crate::tell::CheckinArgs;
use crate::web_options::WebOptions;

/// A mirror director: tells every client which mirror near it really has the file.
///
/// Compile a snapshot from the data that a mirror network has, serve it, and ask it why it answers
/// as it does. `heliostat demo` shows all of it at work, with mirrors of its own; with `--once` that
/// takes about a minute.
#[derive(Debug, Parser)]
#[command(name = "heliostat", version, max_term_width = 100)]
pub struct Args {
    /// The file with settings for all commands [default: /etc/heliostat/heliostat.toml, if it is
    /// there; env: HELIOSTAT_CONFIG].
    #[arg(long, global = true, value_name = "FILE.toml")]
    pub config: Option<PathBuf>,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a mirror network, serve it, and print requests to try.
    Demo(DemoArgs),
    /// Answer clients from a snapshot.
    ///
    /// The snapshot is loaded anew on SIGHUP and whenever the file is replaced (rename the new
    /// file onto the old one; never write into it). SIGTERM ends requests under way and exits
    /// with 0. SIGUSR1 opens the access log again. Sockets from a service manager (`LISTEN_FDS`)
    /// are used instead of `--listen`, and readiness is told to `NOTIFY_SOCKET`.
    Serve(Box<ServeOptions>),
    /// Take what mirrors and publishers tell, over HTTPS.
    ///
    /// `POST /api/checkin` and `/api/notify` want a token of somebody who may; `/xmlrpc` is for the
    /// old client `report_mirror`. Certificates are read again on SIGHUP; SIGTERM ends requests under
    /// way and exits with 0.
    Web(Box<WebOptions>),
    /// A command that ends by itself.
    #[command(flatten)]
    Ending(Ending),
}

/// Commands that end by themselves.
#[derive(Debug, Subcommand)]
pub enum Ending {
    /// Make a snapshot from another system's data.
    Compile {
        /// Which system.
        #[command(subcommand)]
        source: CompileSource,
    },
    /// Check, show or make the file with settings for all commands.
    Config(ConfigArgs),
    /// Print what this machine or container really gives, and which file says so.
    Capacity(CapacityArgs),
    /// Make an empty catalog: the memory of a mirror network.
    Init(catalog::InitArgs),
    /// Bring another system's data into the catalog: all of it or nothing, then only what changed.
    Import {
        /// Which system.
        #[command(subcommand)]
        source: catalog::ImportSource,
    },
    /// Look at the primary copy of a category: what exists, and what clients verify.
    ///
    /// Directories, repositories and the hashes of their indexes go into the catalog. Only what has
    /// changed is looked at; a scan that is interrupted goes on with the next one.
    Scan(ScanArgs),
    /// Look at every mirror each minute, and leave those out of answers that fail.
    ///
    /// Every public URL of every active mirror is asked for one small file that the catalog knows. What
    /// fails is asked for again at once and a few times more before it is left out; it comes back
    /// after several good looks. When most mirrors fail at once, it is our own network, and nothing
    /// counts. Any number of these may run; one of them looks.
    Health(Box<HealthArgs>),
    /// Look at the mirrors: what each of them has of what exists.
    ///
    /// Each directory is up to date, stale, missing or unknown; what is unknown changes nothing.
    /// Without `--once` it stays, and looks at every mirror once in the interval; any number of
    /// these may run, on any machines, and share the hosts. What is learned is written as it comes.
    Crawl(Box<CrawlArgs>),
    /// Tell a director what this mirror has: run it on the mirror's own machine after each sync.
    ///
    /// Walks the trees, and sends the sizes of folders and the hashes of indexes to `POST
    /// /api/checkin`. Whoever owns the token must be allowed to speak for the host.
    Checkin(CheckinArgs),
    /// Look at what was just changed at the primary copy: only these paths, at once.
    ///
    /// With `--to` a director is told to do it (`POST /api/notify`), with a token of somebody who may
    /// change the catalog; without it, it is done here.
    Notify(NotifyArgs),
    /// Print how many mirrors have which version of each repository: now, or over time.
    Propagation(PropagationArgs),
    /// Print what was measured of every mirror: what it has, how far it lags, how often and how fast
    /// it answers.
    Mirrors(MirrorsArgs),
    /// Add up what serving nodes have answered on each day, and print it.
    Report(ReportArgs),
    /// Write the catalog for another system, so that it can run on.
    Export {
        /// Which system.
        #[command(subcommand)]
        target: catalog::ExportTarget,
    },
    /// Compile the catalog into the next snapshot of a store: a folder, or a bucket.
    ///
    /// Without `--once` it stays and publishes whenever the catalog has changed; any number of these
    /// may run, on any machines, and one of them does it. A server that follows the store takes each
    /// snapshot over.
    Publish(catalog::PublishArgs),
    /// Publish an old generation anew, under the next number.
    Rollback(catalog::RollbackArgs),
    /// Lead repositories to the same directories in the archive.
    MoveToArchive(ArchiveArgs),
    /// Make a version in development a released one, and lead its repositories there.
    Release(ReleaseArgs),
    /// Forget what the files of a version were: clients take only the newest for good.
    EmergencyExpire(ExpireArgs),
    /// Print who changed what in the catalog, and when.
    Audit(catalog::AuditArgs),
    /// What the catalog holds, one command for each sort.
    #[command(flatten)]
    Resource(Resource),
    /// Print what makes a shell complete commands and options.
    Completions {
        /// Which shell.
        shell: clap_complete::Shell,
    },
    /// Write a manual page for every command into a folder.
    Man {
        /// The folder.
        #[arg(value_name = "DIR")]
        folder: PathBuf,
    },
    /// Print what a snapshot or a store holds.
    Inspect(InspectArgs),
    /// Print every mirror for a client: its tier, weight and order, or why it is left out.
    Explain(Box<ExplainArgs>),
    /// Print which CPUs this process may use, and what the kernel offers for them.
    ///
    /// A server started in the same place has a serving thread for each allowed CPU.
    Cpus(CpusArgs),
    /// Start a worker process, and print which layers of its sandbox are in force here.
    ///
    /// Strangers' bytes are parsed in such processes. Which layers there are depends on the kernel
    /// and on the container around it.
    Workers(WorkersArgs),
}

/// Arguments of `demo`.
#[derive(Clone, Debug, clap::Args)]
pub struct DemoArgs {
    /// How large a network to make: the smallest lives and changes, larger ones are only asked.
    #[arg(long, value_enum, default_value = "small")]
    pub scale: Scale,
    /// One circle: a release that spreads, a loss, a death, each found out; then a summary, and the end.
    #[arg(long)]
    pub once: bool,
    /// The network to make; the same number makes the same network.
    #[arg(long, default_value_t = 1)]
    pub seed: u64,
    /// Where to listen; another port is taken when it is in use.
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8080")]
    pub listen: SocketAddr,
}

/// The sizes of the demo's network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Scale {
    /// A primary copy and 11 mirrors on this machine, honest and not, that are really looked at.
    Small,
    /// 700 hosts, 30,000 directories and 1,000,000 netblocks.
    Fedora,
    /// Ten times that.
    Large,
}

/// Where `compile` reads from.
#[derive(Debug, Subcommand)]
pub enum CompileSource {
    /// The protobuf cache of MirrorManager, as Fedora, EPEL, CentOS and Rocky Linux use it.
    Mirrormanager {
        /// What to read.
        #[command(flatten)]
        files: MirrormanagerFiles,
        /// What to do with the result.
        #[command(flatten)]
        output: CompileOutput,
    },
    /// A folder of AlmaLinux's mirror YAML: `config.yml` and `mirrors.d`.
    Almalinux {
        /// What to read.
        #[command(flatten)]
        files: AlmalinuxFiles,
        /// What to do with the result.
        #[command(flatten)]
        output: CompileOutput,
    },
    /// What `mirrorbits export` or `mirrorbits list` printed.
    Mirrorbits {
        /// What to read.
        #[command(flatten)]
        files: ListFiles,
        /// What to do with the result.
        #[command(flatten)]
        output: CompileOutput,
    },
    /// What `mb export` of MirrorBrain printed: statements for PostgreSQL, or a list for mirmon.
    Mirrorbrain {
        /// What to read.
        #[command(flatten)]
        files: ListFiles,
        /// What to do with the result.
        #[command(flatten)]
        output: CompileOutput,
    },
    /// Debian's `Mirrors.masterlist`, or lists of URLs as apt and its kin have them (`*.mirrors`).
    DebianMirrors {
        /// What to read.
        #[command(flatten)]
        files: ListFiles,
        /// What to do with the result.
        #[command(flatten)]
        output: CompileOutput,
    },
}

/// What MirrorManager has.
#[derive(Debug, clap::Args)]
pub struct MirrormanagerFiles {
    /// The cache, usually `mirrorlist_cache.proto`.
    #[arg(long, value_name = "FILE")]
    pub cache: PathBuf,
    /// The tables beside it.
    #[command(flatten)]
    pub tables: TableFiles,
}

/// What AlmaLinux has.
#[derive(Debug, clap::Args)]
pub struct AlmalinuxFiles {
    /// The folder.
    #[arg(value_name = "DIR")]
    pub folder: PathBuf,
    /// The tables beside it.
    #[command(flatten)]
    pub tables: TableFiles,
}

/// A list of mirrors.
#[derive(Debug, clap::Args)]
pub struct ListFiles {
    /// The list.
    #[arg(value_name = "FILE")]
    pub list: PathBuf,
    /// The directory above all that the mirrors carry, where the list does not say it [default: pub;
    /// of Debian's mirrors debian].
    #[arg(long, value_name = "PATH")]
    pub top: Option<String>,
    /// The tables beside it.
    #[command(flatten)]
    pub tables: TableFiles,
}

/// Tables that are files of their own.
#[derive(Debug, clap::Args)]
pub struct TableFiles {
    /// Lines of `prefix ASN`: which network announces an address.
    #[arg(long, value_name = "FILE")]
    pub netblocks: Option<PathBuf>,
    /// Lines of `country,continent`; without it `compile` sends no client to its continent, and a
    /// catalog keeps the table that it has.
    #[arg(long, value_name = "FILE")]
    pub countries: Option<PathBuf>,
}

/// Where `compile` writes to, and how strict it is.
#[derive(Debug, clap::Args)]
pub struct CompileOutput {
    /// The snapshot to write; what was there is replaced as a whole.
    #[arg(short, long, value_name = "FILE")]
    pub output: PathBuf,
    /// Write nothing when anything in the data is wrong.
    #[arg(long)]
    pub strict: bool,
    /// The number of the snapshot; by default the time, and always more than that of the file
    /// that is replaced.
    #[arg(long, value_name = "N")]
    pub generation: Option<u64>,
    /// How much memory it may take.
    #[command(flatten)]
    pub memory: MemoryOptions,
}

/// How much memory a command may take, and how long it waits for it.
#[derive(Clone, Copy, Debug, clap::Args)]
pub struct MemoryOptions {
    /// Plan with at most so much memory, such as `300M`, where the container's own limit is larger
    /// or cannot be seen.
    #[arg(long, value_name = "SIZE", value_parser = capacity::size)]
    pub memory: Option<Bytes>,
    /// Wait so long for memory that others hold before giving up.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    pub memory_wait_s: u64,
}

/// Arguments of `capacity`.
#[derive(Debug, clap::Args)]
pub struct CapacityArgs {
    /// What to keep out of the permits: `fn` (a tenth, 256 MiB to 5 GiB), a percentage, or a size
    /// such as `300M` [default: 10%, as every other command does].
    #[arg(long, value_name = "POLICY", value_parser = capacity::headroom)]
    pub headroom: Option<Headroom>,
    /// Print JSON, with every bound, also those that said nothing.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `inspect`.
#[derive(Debug, clap::Args)]
pub struct InspectArgs {
    /// The snapshot; or a store, as a folder or `s3://bucket/prefix`.
    #[arg(value_name = "FILE")]
    pub snapshot: PathBuf,
    /// How a bucket is reached.
    #[command(flatten)]
    pub store: StoreArgs,
    /// Check all of it, as a server does when it opens it; of a store, every generation.
    #[arg(long)]
    pub verify: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `cpus`.
#[derive(Debug, clap::Args)]
pub struct CpusArgs {
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `workers`.
#[derive(Debug, clap::Args)]
pub struct WorkersArgs {
    /// Start one, have it do a job, and say what it is kept from.
    #[arg(long, required = true)]
    pub check: bool,
    /// Fail unless every layer that needs no privileges is in force.
    #[arg(long)]
    pub strict: bool,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}

/// Arguments of `explain`.
#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// The snapshot.
    #[arg(long, value_name = "FILE")]
    pub snapshot: PathBuf,
    /// The client's address.
    #[arg(long)]
    pub ip: IpAddr,
    /// The repository, as in `repo=`.
    #[arg(long, requires = "arch", required_unless_present = "path")]
    pub repo: Option<String>,
    /// The architecture, as in `arch=`.
    #[arg(long, requires = "repo")]
    pub arch: Option<String>,
    /// A directory or a file in one, as in `path=`.
    #[arg(long, conflicts_with_all = ["repo", "arch"])]
    pub path: Option<String>,
    /// Explain the metalink instead of the mirrorlist.
    #[arg(long)]
    pub metalink: bool,
    /// Countries that the client asks for, as in `country=`.
    #[arg(long, value_name = "CC,…")]
    pub country: Option<String>,
    /// Schemes that the client asks for, as in `protocol=`.
    #[arg(long, value_name = "SCHEME,…")]
    pub protocol: Option<String>,
    /// A location, as in `location=`.
    #[arg(long)]
    pub location: Option<String>,
    /// Hosts to leave out, as in `avoid=`.
    #[arg(long, value_name = "HOST,…")]
    pub avoid: Option<String>,
    /// The country database that the server uses.
    #[arg(long, value_name = "FILE.mmdb")]
    pub geoip_country: Option<PathBuf>,
    /// Hosts that are enough without the rest of the world, as for `serve`.
    #[arg(long, value_name = "N", default_value_t = 5)]
    pub hosts_min: u32,
    /// The draw to show; another number shows another order of equal mirrors.
    #[arg(long, default_value_t = 0)]
    pub seed: u64,
    /// Print JSON.
    #[arg(long)]
    pub json: bool,
}
