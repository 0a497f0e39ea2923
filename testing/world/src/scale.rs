//! How large a world is: every count in one table.

use std::fmt;

/// The size of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scale {
    /// What a person can read: 40 hosts, 300 directories. Made in a few milliseconds.
    Small,
    /// What Fedora is: 700 hosts, 30,000 directories, 1,000,000 routes.
    Fedora,
    /// Three distributions of Fedora's size beside each other.
    Triple,
    /// Ten distributions of Fedora's size beside each other.
    Large,
}

impl Scale {
    /// All scales, smallest first.
    pub const ALL: [Scale; 4] = [Scale::Small, Scale::Fedora, Scale::Triple, Scale::Large];

    /// Reads the name of a scale.
    ///
    /// ```
    /// use heliostat_testing_world::Scale;
    /// assert_eq!(Scale::parse("fedora"), Some(Scale::Fedora));
    /// assert_eq!(Scale::parse("huge"), None);
    /// ```
    pub fn parse(text: &str) -> Option<Scale> {
        Scale::ALL.into_iter().find(|scale| scale.as_str() == text)
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Scale::Small => "small",
            Scale::Fedora => "fedora",
            Scale::Triple => "triple",
            Scale::Large => "large",
        }
    }

    /// Its counts.
    pub(crate) const fn counts(self) -> Counts {
        match self {
            Scale::Small => SMALL,
            Scale::Fedora => FEDORA,
            Scale::Triple => Counts {
                distributions: 3,
                routes: 3_000_000,
                netblock_countries: 900,
                locations: 3,
                ..FEDORA
            },
            Scale::Large => Counts {
                distributions: 10,
                routes: 10_000_000,
                netblock_countries: 3_000,
                locations: 10,
                ..FEDORA
            },
        }
    }
}

impl fmt::Display for Scale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The counts of a scale. Hosts, repositories and directories are those of one distribution.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counts {
    /// Distributions that share nothing but the routing table.
    pub(crate) distributions: u64,
    /// Hosts that anybody may be sent to.
    pub(crate) hosts_public: u64,
    /// Hosts for clients of their own networks.
    pub(crate) hosts_private: u64,
    /// Repositories, one per prefix and architecture.
    pub(crate) repositories: usize,
    /// Directories.
    pub(crate) directories: usize,
    /// Prefixes in the routing table.
    pub(crate) routes: usize,
    /// Autonomous systems that announce them.
    pub(crate) asns: u64,
    /// Prefixes whose country is known better.
    pub(crate) netblock_countries: usize,
    /// Named lists of hosts.
    pub(crate) locations: u64,
}

const SMALL: Counts = Counts {
    distributions: 1,
    hosts_public: 30,
    hosts_private: 10,
    repositories: 65,
    directories: 300,
    routes: 5_000,
    asns: 600,
    netblock_countries: 30,
    locations: 1,
};

const FEDORA: Counts = Counts {
    distributions: 1,
    hosts_public: 400,
    hosts_private: 300,
    repositories: 1_500,
    directories: 30_000,
    routes: 1_000_000,
    asns: 70_000,
    netblock_countries: 300,
    locations: 3,
};
