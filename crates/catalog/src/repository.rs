//! Repositories: the names under which clients ask for directories, their other names, and which of
//! them are switched off.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// One repository of one architecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Repository {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// What clients send as `repo=`.
    pub prefix: String,
    /// What clients send as `arch=`.
    pub arch: String,
    /// The directory above `repodata`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub directory: Option<String>,
    /// What it is of, as PRODUCT/VERSION: `Fedora/40`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

/// Another name of a repository; followed once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Redirect {
    /// What clients ask for.
    pub name: String,
    /// What they are given.
    pub target: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

/// A prefix that is switched off for every architecture.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Disabled {
    /// The prefix.
    pub prefix: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

impl Repository {
    /// What people call it: `fedora-40 x86_64`.
    pub fn name(&self) -> String {
        format!("{} {}", self.prefix, self.arch)
    }

    pub(crate) fn check(&self) -> Result<(), Error> {
        let name = self.name();
        let check = Check { resource: RESOURCE, name: &name };
        check.name("the prefix", &self.prefix)?;
        check.name("the architecture", &self.arch)
    }
}

impl View<'_> {
    /// All repositories, by number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn repository_list(&mut self) -> Result<Vec<Repository>, Error> {
        self.query(&format!("{SELECT} ORDER BY repository.id"), &[], read)
    }

    /// A repository by prefix and architecture.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn repository_find(&mut self, prefix: &str, arch: &str) -> Result<Repository, Error> {
        self.repository_look(prefix, arch)?
            .ok_or_else(|| Error::Unknown { resource: RESOURCE, name: format!("{prefix} {arch}") })
    }

    fn repository_look(&mut self, prefix: &str, arch: &str) -> Result<Option<Repository>, Error> {
        let sql = format!("{SELECT} WHERE prefix = ?1 AND arch = ?2");
        Ok(self.query(&sql, &[Value::Text(prefix), Value::Text(arch)], read)?.into_iter().next())
    }

    /// All redirects, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn redirect_list(&mut self) -> Result<Vec<Redirect>, Error> {
        let sql = "SELECT name, target, source FROM repository_redirect ORDER BY name";
        self.query(sql, &[], |row| {
            Ok(Redirect { name: row.cell(0)?, target: row.cell(1)?, source: row.cell(2)? })
        })
    }

    /// The redirect of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn redirect_find(&mut self, name: &str) -> Result<Redirect, Error> {
        let found = self.redirect_list()?.into_iter().find(|redirect| redirect.name == name);
        found.ok_or_else(|| Error::Unknown { resource: REDIRECT, name: name.to_owned() })
    }

    /// The word that switches a prefix off.
    ///
    /// # Errors
    ///
    /// When it is not switched off, or the database cannot be read.
    pub fn disabled_find(&mut self, prefix: &str) -> Result<Disabled, Error> {
        let found = self.disabled_list()?.into_iter().find(|disabled| disabled.prefix == prefix);
        found.ok_or_else(|| Error::Unknown { resource: DISABLED, name: prefix.to_owned() })
    }

    /// All prefixes that are switched off, in order.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn disabled_list(&mut self) -> Result<Vec<Disabled>, Error> {
        let sql = "SELECT prefix, source FROM repository_disabled ORDER BY prefix";
        self.query(sql, &[], |row| Ok(Disabled { prefix: row.cell(0)?, source: row.cell(1)? }))
    }

    fn version_id(&mut self, repository: &Repository) -> Result<Option<i64>, Error> {
        let Some(version) = &repository.version else { return Ok(None) };
        Ok(Some(self.version_find(version)?.id))
    }

    fn directory_id(&mut self, repository: &Repository) -> Result<Option<i64>, Error> {
        let Some(directory) = &repository.directory else { return Ok(None) };
        let sql = "SELECT id FROM directory WHERE name = ?1";
        let ids = self.query(sql, &[Value::Text(directory)], |row| row.cell::<i64>(0))?;
        match ids.first() {
            Some(&id) => Ok(Some(id)),
            None => Check { resource: RESOURCE, name: &repository.name() }
                .refuse(format!("there is no directory {directory}")),
        }
    }
}

impl Txn<'_> {
    /// Adds a repository, and gives it its number.
    ///
    /// # Errors
    ///
    /// When there is one of its name, its directory is unknown, or it makes no sense.
    pub fn repository_insert(&mut self, mut repository: Repository) -> Result<Repository, Error> {
        repository.check()?;
        let Repository { prefix, arch, .. } = &repository;
        if self.view().repository_look(prefix, arch)?.is_some() {
            return Check { resource: RESOURCE, name: &repository.name() }.refuse("there is one");
        }
        let directory_id = self.view().directory_id(&repository)?;
        let version_id = self.view().version_id(&repository)?;
        self.arch_ensure(&repository.arch)?;
        repository.id = self.id_new();
        self.execute(
            "INSERT INTO repository (id, prefix, arch, directory_id, source, version_id) \
             VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
            &[
                Value::Int(repository.id),
                Value::Text(&repository.prefix),
                Value::Text(&repository.arch),
                Value::int(directory_id),
                Value::Text(&repository.source),
                Value::int(version_id),
            ],
        )?;
        self.note(RESOURCE, &repository.name(), None::<&Repository>, Some(&repository))?;
        Ok(repository)
    }

    /// Makes a repository what it is told to be.
    ///
    /// # Errors
    ///
    /// When its new name is taken, its directory is unknown, or it makes no sense.
    pub fn repository_update(
        &mut self,
        before: &Repository,
        repository: &Repository,
    ) -> Result<(), Error> {
        repository.check()?;
        let name = before.name();
        let check = Check { resource: RESOURCE, name: &name };
        if repository.id != before.id {
            return check.refuse("its number cannot be changed");
        }
        if repository == before {
            return Ok(());
        }
        let renamed = repository.name() != name;
        if renamed && self.view().repository_look(&repository.prefix, &repository.arch)?.is_some() {
            return check.refuse("the new name is taken");
        }
        let directory_id = self.view().directory_id(repository)?;
        let version_id = self.view().version_id(repository)?;
        self.arch_ensure(&repository.arch)?;
        self.execute(
            "UPDATE repository SET prefix = ?2, arch = ?3, directory_id = ?4, source = ?5, \
             version_id = ?6 WHERE id = ?1",
            &[
                Value::Int(repository.id),
                Value::Text(&repository.prefix),
                Value::Text(&repository.arch),
                Value::int(directory_id),
                Value::Text(&repository.source),
                Value::int(version_id),
            ],
        )?;
        self.note(RESOURCE, &repository.name(), Some(before), Some(repository))
    }

    /// Removes a repository.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn repository_remove(&mut self, before: &Repository) -> Result<(), Error> {
        self.execute("DELETE FROM repository WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, &before.name(), Some(before), None::<&Repository>)
    }

    fn arch_ensure(&mut self, arch: &str) -> Result<(), Error> {
        let sql = "INSERT INTO arch (name) VALUES (?1) ON CONFLICT (name) DO NOTHING";
        self.execute(sql, &[Value::Text(arch)]).map(drop)
    }

    /// Adds a redirect.
    ///
    /// # Errors
    ///
    /// When the name is redirected already, or the redirects would lead in a circle.
    pub fn redirect_insert(&mut self, redirect: &Redirect) -> Result<(), Error> {
        if let Ok(known) = self.view().redirect_find(&redirect.name) {
            return Check { resource: REDIRECT, name: &redirect.name }
                .refuse(format!("it is redirected to {} already", known.target));
        }
        self.redirect_check(redirect)?;
        self.execute(
            "INSERT INTO repository_redirect (name, target, source) VALUES (?1, ?2, ?3)",
            &[
                Value::Text(&redirect.name),
                Value::Text(&redirect.target),
                Value::Text(&redirect.source),
            ],
        )?;
        self.note(REDIRECT, &redirect.name, None::<&Redirect>, Some(redirect))
    }

    /// Makes a redirect lead elsewhere; its name stays.
    ///
    /// # Errors
    ///
    /// When its name would change, or the redirects would lead in a circle.
    pub fn redirect_update(&mut self, before: &Redirect, redirect: &Redirect) -> Result<(), Error> {
        if redirect.name != before.name {
            return Check { resource: REDIRECT, name: &before.name }
                .refuse("the name cannot be changed; add the new one and remove this one");
        }
        if redirect == before {
            return Ok(());
        }
        self.redirect_check(redirect)?;
        self.execute(
            "UPDATE repository_redirect SET target = ?2, source = ?3 WHERE name = ?1",
            &[
                Value::Text(&redirect.name),
                Value::Text(&redirect.target),
                Value::Text(&redirect.source),
            ],
        )?;
        self.note(REDIRECT, &redirect.name, Some(before), Some(redirect))
    }

    /// Whether a redirect makes sense beside the others.
    fn redirect_check(&mut self, redirect: &Redirect) -> Result<(), Error> {
        let check = Check { resource: REDIRECT, name: &redirect.name };
        check.name("the name", &redirect.name)?;
        check.name("the target", &redirect.target)?;
        let known = self.view().redirect_list()?;
        let others = known.iter().filter(|known| known.name != redirect.name);
        let targets: BTreeMap<&str, &str> =
            others.map(|known| (known.name.as_str(), known.target.as_str())).collect();
        match circle(redirect, &targets) {
            Some(circle) => check.refuse(format!("the redirects would lead in a circle: {circle}")),
            None => Ok(()),
        }
    }

    /// Removes a redirect.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn redirect_remove(&mut self, before: &Redirect) -> Result<(), Error> {
        let sql = "DELETE FROM repository_redirect WHERE name = ?1";
        self.execute(sql, &[Value::Text(&before.name)])?;
        self.note(REDIRECT, &before.name, Some(before), None::<&Redirect>)
    }

    /// Switches a prefix off.
    ///
    /// # Errors
    ///
    /// When it is off already, or is no name.
    pub fn disabled_insert(&mut self, disabled: &Disabled) -> Result<(), Error> {
        let check = Check { resource: DISABLED, name: &disabled.prefix };
        check.name("the prefix", &disabled.prefix)?;
        if self.view().disabled_list()?.iter().any(|known| known.prefix == disabled.prefix) {
            return check.refuse("it is off already");
        }
        self.execute(
            "INSERT INTO repository_disabled (prefix, source) VALUES (?1, ?2)",
            &[Value::Text(&disabled.prefix), Value::Text(&disabled.source)],
        )?;
        self.note(DISABLED, &disabled.prefix, None::<&Disabled>, Some(disabled))
    }

    /// Switches a prefix on again.
    ///
    /// # Errors
    ///
    /// When the database cannot be written.
    pub fn disabled_remove(&mut self, before: &Disabled) -> Result<(), Error> {
        let sql = "DELETE FROM repository_disabled WHERE prefix = ?1";
        self.execute(sql, &[Value::Text(&before.prefix)])?;
        self.note(DISABLED, &before.prefix, Some(before), None::<&Disabled>)
    }
}

/// The way in a circle that a new redirect would close.
fn circle(redirect: &Redirect, targets: &BTreeMap<&str, &str>) -> Option<String> {
    let mut way = vec![redirect.name.as_str()];
    let mut seen = BTreeSet::new();
    let mut at = redirect.target.as_str();
    while seen.insert(at) {
        way.push(at);
        if at == redirect.name {
            return Some(way.join(" -> "));
        }
        at = targets.get(at)?;
    }
    None
}

fn read(row: &Row<'_>) -> Result<Repository, Error> {
    Ok(Repository {
        id: row.cell(0)?,
        prefix: row.cell(1)?,
        arch: row.cell(2)?,
        directory: row.cell(3)?,
        source: row.cell(4)?,
        version: row
            .cell::<Option<String>>(5)?
            .zip(row.cell::<Option<String>>(6)?)
            .map(|(product, version)| format!("{product}/{version}")),
    })
}

const RESOURCE: &str = "repository";
const REDIRECT: &str = "redirect";
const DISABLED: &str = "disabled";
const SELECT: &str = "SELECT repository.id, prefix, arch, directory.name, repository.source, \
    product.name, version.name FROM repository \
    LEFT JOIN directory ON directory.id = directory_id \
    LEFT JOIN version ON version.id = version_id \
    LEFT JOIN product ON product.id = product_id";
