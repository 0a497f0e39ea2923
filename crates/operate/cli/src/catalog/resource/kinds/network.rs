//! Who carries content, and for whom: sites, hosts, locations, networks, countries, people.

use heliostat_catalog::account::Account;
use heliostat_catalog::country::Country;
use heliostat_catalog::host::Host;
use heliostat_catalog::location::Location;
use heliostat_catalog::netblock::NetblockCountry;
use heliostat_catalog::site::Site;
use heliostat_catalog::{Error, Txn, View};
use serde_json::{Map, Value};

use super::{Kind, one};
use crate::clock;

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

impl Kind for Location {
    const NAME: &'static str = "location";
    const HEADING: &'static [&'static str] = &[">id", "name", "hosts", "source"];

    fn row(&self) -> Vec<String> {
        let hosts: Vec<String> = self.hosts.iter().map(ToString::to_string).collect();
        vec![self.id.to_string(), self.name.clone(), hosts.join(" "), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.location_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.location_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.location_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.location_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.location_remove(self)
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
