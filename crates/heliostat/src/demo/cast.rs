//! Who plays: the mirrors, how they are, and what should be said of them.

use std::sync::Arc;
use std::time::Duration;

use heliostat_testing_fleet::{Away, Fleet, Hostility, Manner, Mirror, Post, Primary, Style, Tree};

/// A mirror's part.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    pub(super) name: &'static str,
    /// What is to be said of it.
    pub(super) is: &'static str,
    pub(super) country: &'static str,
    holds: Holds,
    style: Style,
    manner: Manner,
}

/// What it holds of the primary copy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Holds {
    /// Everything, at once.
    Source,
    /// Everything, when it gets to it.
    All,
    /// Everything, as it was before the last release.
    Older,
    /// Everything but one repository.
    Part,
}

/// A repository that is watched.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watched {
    /// What a scan calls it.
    pub(super) repo: &'static str,
    pub(super) arch: &'static str,
    /// Its directory, below the category's top.
    pub(super) path: &'static str,
    /// The folder of its indexes.
    pub(super) indexes: &'static str,
}

/// All repositories of the primary copy.
pub(super) const WATCHED: [Watched; 3] = [
    Watched {
        repo: "linux-releases-40",
        arch: "x86_64",
        path: Primary::RELEASE,
        indexes: "releases/40/x86_64/os/repodata",
    },
    Watched {
        repo: "linux-updates-40",
        arch: "x86_64",
        path: Primary::UPDATES,
        indexes: "updates/40/x86_64/repodata",
    },
    Watched {
        repo: "linux-stable",
        arch: "amd64",
        path: "debian/dists/stable",
        indexes: "debian/dists/stable",
    },
];

/// Starts all of them.
pub(super) fn start(primary: &Primary) -> std::io::Result<Fleet> {
    Fleet::start(
        ROLES.iter().map(|role| {
            Post::new(role.name, role.tree(primary)).style(role.style).manner(role.manner)
        }),
    )
}

/// The mirrors that take a release one after the other.
pub(super) fn followers() -> impl Iterator<Item = &'static Role> {
    ROLES.iter().filter(|role| role.holds == Holds::All && role.is_fit())
}

impl Role {
    /// What it holds, once it has taken the newest release.
    pub(super) fn tree(&self, primary: &Primary) -> Arc<Tree> {
        match self.holds {
            Holds::Source | Holds::All => primary.newest(),
            Holds::Older => primary.behind(1),
            Holds::Part => Arc::new(primary.newest().without(Primary::DEBIAN)),
        }
    }

    /// Whether it is the primary copy itself, which has everything at once.
    pub(super) fn is_source(&self) -> bool {
        self.holds == Holds::Source
    }

    /// Whether a client could use it at all, as it was meant to be.
    fn is_fit(&self) -> bool {
        matches!(self.manner, Manner::Honest | Manner::Late(_))
    }
}

/// Whether clients should be sent to a mirror for a repository, by what it really has and does.
pub(super) fn should_answer(mirror: &Mirror, primary: &Primary, watched: &Watched) -> bool {
    let (newest, held) = (primary.newest(), mirror.tree());
    let indexes = |tree: &Tree| tree.folder(watched.indexes).map(|folder| folder.files.clone());
    let fit = matches!(mirror.manner(), Manner::Honest | Manner::Late(_));
    fit && indexes(&held).is_some() && indexes(&held) == indexes(&newest)
}

/// All of them, in the order in which they are shown.
pub(super) const ROLES: [Role; 11] = [
    role("primary", "where releases appear", "SE", Holds::Source, Style::Nginx, Manner::Honest),
    role("healthy-1", "has everything", "SE", Holds::All, Style::Apache, Manner::Honest),
    role("healthy-2", "has everything", "DE", Holds::All, Style::Nginx, Manner::Honest),
    role("healthy-3", "has everything", "US", Holds::All, Style::Caddy, Manner::Honest),
    role("slow", "takes its time", "FI", Holds::All, Style::Lighttpd, Manner::Late(SLOW)),
    role("stale", "is one release behind", "NO", Holds::Older, Style::Apache, Manner::Honest),
    role("partial", "has no Debian", "FR", Holds::Part, Style::Nginx, Manner::Honest),
    role("liar", "tells wrong sizes", "GB", Holds::All, Style::Nginx, Manner::LiesAboutSizes),
    role("dead", "refuses connections", "US", Holds::All, Style::Apache, Manner::Refuses),
    role("away", "sends to a private address", "JP", Holds::All, Style::Apache, AWAY),
    role("bomb", "sends pages without an end", "BR", Holds::All, Style::Nginx, BOMB),
];

const fn role(
    name: &'static str,
    is: &'static str,
    country: &'static str,
    holds: Holds,
    style: Style,
    manner: Manner,
) -> Role {
    Role { name, is, country, holds, style, manner }
}

const SLOW: Duration = Duration::from_millis(100);
const AWAY: Manner = Manner::Redirects(Away::Private);
const BOMB: Manner = Manner::Hostile(Hostility::EndlessListing);
