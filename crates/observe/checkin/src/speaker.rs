//! Who may speak for which host.
//!
//! A token speaks for the hosts of its owner's sites, or for all when its owner may change the
//! catalog anyway. A site's password, which old clients have in a file of settings, speaks for the
//! private hosts of its site only: clients outside of their networks are never sent to them.

use heliostat_catalog::account::Account;
use heliostat_catalog::host::Host;
use heliostat_catalog::site::Site;
use heliostat_catalog::{Error, View};

/// Who says it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Speaker {
    /// A program of a person, with a token of this full name.
    Token(Account, String),
    /// The old client of a site.
    Site(Site),
}

/// Why it is not believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// There is no such host, or it is somebody else's: strangers need not know which.
    #[error("{speaker} may speak for no host {host}")]
    NotYours {
        /// Who.
        speaker: String,
        /// For which host.
        host: String,
    },
    /// Several hosts have this name.
    #[error("several hosts are called {host}; name it by its number: {numbers:?}")]
    Several {
        /// Which name.
        host: String,
        /// The numbers of all that it may mean.
        numbers: Vec<i64>,
    },
    /// The old client speaks for a host that everybody is sent to.
    #[error(
        "{host} is public: what it has is looked at from outside; it may check in with a token"
    )]
    Public {
        /// Which host.
        host: String,
    },
    /// Nothing of what it reports is anything that the host carries.
    #[error("{host} carries none of what is reported; it carries {carried:?}")]
    Nothing {
        /// Which host.
        host: String,
        /// Its categories.
        carried: Vec<String>,
    },
}

impl Speaker {
    /// Its name in the audit trail.
    #[must_use]
    pub fn name(&self) -> String {
        let name = match self {
            Speaker::Token(_, token) => format!("token:{token}"),
            Speaker::Site(site) => format!("site:{}", site.name),
        };
        name.chars().take(NAME_CHARS_MAX).collect()
    }

    /// The host of a name or number that it may speak for.
    ///
    /// # Errors
    ///
    /// When the catalog cannot be read.
    pub fn host(&self, view: &mut View<'_>, name: &str) -> Result<Result<Host, Refused>, Error> {
        let private: Vec<String> = view
            .site_list()?
            .into_iter()
            .filter(|site| site.private)
            .map(|site| site.name)
            .collect();
        let number = name.parse().unwrap_or(-1_i64);
        let hosts = view.host_list()?.into_iter();
        let called = hosts.filter(|host| host.name == name || host.id == number);
        let mut own: Vec<Host> = called.filter(|host| self.speaks_for(&host.site)).collect();
        if own.len() > 1 && own.iter().any(|host| host.id == number) {
            own.retain(|host| host.id == number);
        }
        let numbers = own.iter().map(|host| host.id).collect();
        let name = || name.chars().filter(|c| !c.is_control()).take(255).collect::<String>();
        let Some(host) = own.pop() else {
            return Ok(Err(Refused::NotYours { speaker: self.name(), host: name() }));
        };
        if !own.is_empty() {
            return Ok(Err(Refused::Several { host: name(), numbers }));
        }
        if matches!(self, Speaker::Site(_)) && !host.private && !private.contains(&host.site) {
            return Ok(Err(Refused::Public { host: host.name }));
        }
        Ok(Ok(host))
    }

    fn speaks_for(&self, site: &str) -> bool {
        match self {
            Speaker::Token(account, _) => account.speaks_for(site),
            Speaker::Site(own) => own.name == site,
        }
    }
}

/// What the trail takes.
const NAME_CHARS_MAX: usize = 60;
