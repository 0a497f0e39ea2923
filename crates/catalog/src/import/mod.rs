//! Another system's world into the catalog: all of it or nothing, and the second time only what
//! changed.
//!
//! Everything that an import brings carries the import's name, and the next import of that name
//! owns it: it adds, changes and removes there and nowhere else. What people made, and what another
//! import brought, is left alone. Of a host it sets what the source knows; what the source
//! does not know (of most: switches, contact, notes) stays as people set it.

/// Which part of the tree a directory belongs to.
mod categories;
/// The tree, and who has what of it.
mod directories;
/// Hosts and their mirrors.
mod hosts;
/// The small tables.
mod tables;

use heliostat_model::{Facts, World};

use crate::{Error, Txn};

/// What an import brings, and under which name.
#[derive(Clone, Debug)]
pub struct Origin<'a> {
    /// The name of the import: what it brings is known by it.
    pub name: &'a str,
    /// The site of those of its hosts of which the source does not tell.
    pub site: &'a str,
    /// Its hosts and URLs have numbers that it keeps; else a host is known again by its name.
    pub numbered: bool,
    /// It brings the table of continents.
    pub continents: bool,
    /// It brings countries that are served as if they lay on another continent.
    pub continent_redirects: bool,
    /// It brings the routing table.
    pub routes: bool,
}

/// What became of an import.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// What was left out, and why; sentences for people.
    pub left_out: Vec<String>,
}

impl Imported {
    /// Passes on what went well, and notes what was refused as left out.
    fn keep<T>(&mut self, result: Result<T, Error>) -> Result<Option<T>, Error> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(error) if error.is_refusal() => {
                self.left_out.push(format!("{error}; left out"));
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Notes that something of this name is not the import's.
    fn strange(&mut self, resource: &str, name: &str, source: &str) {
        let owner = if source.is_empty() { "people made" } else { source };
        self.left_out.push(format!("{resource} {name}: there is one that {owner}; left alone"));
    }
}

impl Txn<'_> {
    /// Makes what the import owns equal to a world.
    ///
    /// # Errors
    ///
    /// When the world names rows that it does not have, or the database fails.
    pub fn import(&mut self, world: &World, origin: &Origin<'_>) -> Result<Imported, Error> {
        self.import_with(world, &Facts::default(), origin)
    }

    /// As [`Txn::import`], with what the source knows beside the world.
    ///
    /// # Errors
    ///
    /// When the world names rows that it does not have, or the database fails.
    pub fn import_with(
        &mut self,
        world: &World,
        facts: &Facts,
        origin: &Origin<'_>,
    ) -> Result<Imported, Error> {
        world.check().map_err(Error::damaged)?;
        let mut imported = Imported::default();
        tables::countries(self, world, origin)?;
        tables::versions(self, facts, origin, &mut imported)?;
        let categories = categories::import(self, world, facts, origin, &mut imported)?;
        let hosts = hosts::import(self, world, facts, origin, &categories, &mut imported)?;
        let directories = directories::import(self, world, origin, &categories, &mut imported)?;
        directories::states(self, world, &hosts, &directories)?;
        tables::repositories(self, world, facts, origin, &directories, &mut imported)?;
        tables::names(self, world, origin, &mut imported)?;
        tables::netblocks(self, world, origin, &mut imported)?;
        tables::locations(self, world, origin, &hosts, &mut imported)?;
        if origin.routes {
            self.routes_replace(&world.netblock_asns)?;
        }
        // Nothing may hang on a directory that goes.
        directories::remove(self, world, origin)?;
        self.data_is_of(world.created_unix_s, &world.source);
        Ok(imported)
    }
}
