//! The sorts of things: their columns, names, and calls.

use heliostat_catalog::account::Account;
use heliostat_catalog::category::Category;
use heliostat_catalog::country::Country;
use heliostat_catalog::host::Host;
use heliostat_catalog::netblock::NetblockCountry;
use heliostat_catalog::repository::Repository;
use heliostat_catalog::site::Site;
use heliostat_catalog::{Error, Txn, View};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::clock;

/// A sort of thing.
pub(super) trait Kind: Serialize + DeserializeOwned + PartialEq {
    /// What it is called.
    const NAME: &'static str;

    /// The columns of its table.
    const HEADING: &'static [&'static str];

    /// Its cells.
    fn row(&self) -> Vec<String>;

    /// The fields that a name says.
    fn named(name: &str) -> Result<Map<String, Value>, Error>;

    /// All of them.
    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error>;

    /// The one of a name.
    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error>;

    /// Adds it.
    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error>;

    /// Puts it in the place of another.
    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error>;

    /// Removes it.
    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error>;

    /// A reason against it.
    fn refused(name: &str, why: &str) -> Error {
        Error::Refused { resource: Self::NAME, name: name.to_owned(), why: why.to_owned() }
    }
}

impl Kind for Site {
    const NAME: &'static str = "site";
    const HEADING: &'static [&'static str] = &[">id", "name", "state", "contact", "source"];

    fn row(&self) -> Vec<String> {
        let state = state(self.active_admin, self.active_owner, self.private);
        vec![
            self.id.to_string(),
            self.name.clone(),
            state,
            self.contact.clone(),
            self.source.clone(),
        ]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.site_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.site_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.site_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.site_update(&before.name, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.site_remove(&self.name)
    }
}

impl Kind for Host {
    const NAME: &'static str = "host";
    const HEADING: &'static [&'static str] =
        &[">id", "name", "site", "state", "country", ">Mbit/s", "carries", "source"];

    fn row(&self) -> Vec<String> {
        let carries: Vec<&str> =
            self.mirrors.iter().map(|mirror| mirror.category.as_str()).collect();
        vec![
            self.id.to_string(),
            self.name.clone(),
            self.site.clone(),
            state(self.active_admin, self.active_owner, self.private),
            self.country.clone().unwrap_or_default(),
            self.bandwidth_mbit_s.to_string(),
            carries.join(" "),
            self.source.clone(),
        ]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.host_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.host_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.host_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.host_update(before, self).map(drop)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.host_remove(self)
    }
}

impl Kind for Category {
    const NAME: &'static str = "category";
    const HEADING: &'static [&'static str] = &[">id", "name", "top", "source"];

    fn row(&self) -> Vec<String> {
        vec![self.id.to_string(), self.name.clone(), self.top.clone(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.category_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.category_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.category_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.category_update(&before.name, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.category_remove(&self.name)
    }
}

impl Kind for Repository {
    const NAME: &'static str = "repository";
    const HEADING: &'static [&'static str] = &[">id", "prefix", "arch", "directory", "source"];

    fn row(&self) -> Vec<String> {
        let directory = self.directory.clone().unwrap_or_default();
        let (prefix, arch) = (self.prefix.clone(), self.arch.clone());
        vec![self.id.to_string(), prefix, arch, directory, self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        let (prefix, arch) = halves(name)?;
        Ok(one("prefix", prefix).into_iter().chain(one("arch", arch)).collect())
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.repository_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        let (prefix, arch) = halves(name)?;
        view.repository_find(prefix, arch)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.repository_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.repository_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.repository_remove(self)
    }
}

impl Kind for NetblockCountry {
    const NAME: &'static str = "netblock";
    const HEADING: &'static [&'static str] = &["prefix", "country", "source"];

    fn row(&self) -> Vec<String> {
        vec![self.prefix.clone(), self.country.clone(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("prefix", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.netblock_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.netblock_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.netblock_insert(&self)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.netblock_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.netblock_remove(self)
    }
}

impl Kind for Country {
    const NAME: &'static str = "country";
    const HEADING: &'static [&'static str] = &["code", "continent", "served as"];

    fn row(&self) -> Vec<String> {
        let cell = |code: &Option<String>| code.clone().unwrap_or_default();
        vec![self.code.clone(), cell(&self.continent), cell(&self.served_as)]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("code", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.country_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.country_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.country_insert(&self)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.country_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.country_remove(self)
    }
}

impl Kind for Account {
    const NAME: &'static str = "user";
    const HEADING: &'static [&'static str] =
        &[">id", "name", "role", "state", "password since (UTC)", "contact"];

    fn row(&self) -> Vec<String> {
        let state = if self.active { "active" } else { "off" };
        let password = self.password_unix_s.map_or_else(|| "none".to_owned(), clock::utc);
        let role = self.role.as_str().to_owned();
        let (name, contact) = (self.name.clone(), self.contact.clone());
        vec![self.id.to_string(), name, role, state.to_owned(), password, contact]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.account_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.account_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.account_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.account_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.account_remove(self)
    }
}

/// Prefix and architecture of a repository.
fn halves(name: &str) -> Result<(&str, &str), Error> {
    let halves = name.rsplit_once(['/', ' ']);
    halves.ok_or_else(|| Repository::refused(name, "name it as PREFIX/ARCH: fedora-40/x86_64"))
}

/// Who has switched it off, or else what it is.
fn state(active_admin: bool, active_owner: bool, private: bool) -> String {
    let state = match (active_admin, active_owner) {
        (false, false) => "off (admin, owner)",
        (false, true) => "off (admin)",
        (true, false) => "off (owner)",
        (true, true) if private => "private",
        (true, true) => "public",
    };
    state.to_owned()
}

fn one(field: &str, value: &str) -> Map<String, Value> {
    Map::from_iter([(field.to_owned(), Value::from(value))])
}
