//! Products and their versions: what repositories are of.
//!
//! People move all of a version at once: from development to release, from there to the archive.

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// Something that is released.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

/// One release of a product.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Version {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// Of what.
    pub product: String,
    /// What it is called: `40`.
    pub name: String,
    /// It is not released yet.
    #[serde(default)]
    pub development: bool,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

impl Product {
    fn check(&self) -> Result<(), Error> {
        let check = Check { resource: PRODUCT, name: &self.name };
        check.name("the name", &self.name)?;
        if self.name.contains('/') {
            // A version is named PRODUCT/VERSION.
            return check.refuse("the name has a slash");
        }
        Ok(())
    }
}

impl Version {
    /// What people call it: `Fedora/40`.
    pub fn full_name(&self) -> String {
        format!("{}/{}", self.product, self.name)
    }

    fn check(&self) -> Result<(), Error> {
        let name = self.full_name();
        let check = Check { resource: VERSION, name: &name };
        check.name("the name", &self.name)?;
        if self.name.contains('/') {
            return check.refuse("the name has a slash");
        }
        Ok(())
    }
}

impl View<'_> {
    /// All products, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn product_list(&mut self) -> Result<Vec<Product>, Error> {
        self.query("SELECT id, name, source FROM product ORDER BY name", &[], product)
    }

    /// The product of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn product_find(&mut self, name: &str) -> Result<Product, Error> {
        let sql = "SELECT id, name, source FROM product WHERE name = ?1";
        let found = self.query(sql, &[Value::Text(name)], product)?.into_iter().next();
        found.ok_or_else(|| Error::Unknown { resource: PRODUCT, name: name.to_owned() })
    }

    /// All versions, by product and number.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn version_list(&mut self) -> Result<Vec<Version>, Error> {
        self.query(&format!("{VERSIONS} ORDER BY product.name, version.id"), &[], version)
    }

    /// The version of a full name: `Fedora/40`.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn version_find(&mut self, full_name: &str) -> Result<Version, Error> {
        let unknown = || Error::Unknown { resource: VERSION, name: full_name.to_owned() };
        let (product, name) = full_name.split_once('/').ok_or_else(unknown)?;
        let sql = format!("{VERSIONS} WHERE product.name = ?1 AND version.name = ?2");
        let values = [Value::Text(product), Value::Text(name)];
        self.query(&sql, &values, version)?.into_iter().next().ok_or_else(unknown)
    }

    fn rows_of(&mut self, sql: &str, id: i64) -> Result<i64, Error> {
        let counts = self.query(sql, &[Value::Int(id)], |row| row.cell::<i64>(0))?;
        Ok(counts.first().copied().unwrap_or(0))
    }
}

impl Txn<'_> {
    /// Adds a product, and gives it its number.
    ///
    /// # Errors
    ///
    /// When its name is taken or makes no sense.
    pub fn product_insert(&mut self, mut new: Product) -> Result<Product, Error> {
        new.id = self.id_new();
        self.product_free(&new)?;
        let values = [Value::Int(new.id), Value::Text(&new.name), Value::Text(&new.source)];
        self.execute("INSERT INTO product (id, name, source) VALUES (?1, ?2, ?3)", &values)?;
        self.note(PRODUCT, &new.name, None::<&Product>, Some(&new))?;
        Ok(new)
    }

    /// Makes a product what it is told to be.
    ///
    /// # Errors
    ///
    /// When its new name is taken or makes no sense, or its number would change.
    pub fn product_update(&mut self, before: &Product, new: &Product) -> Result<(), Error> {
        if new.id != before.id {
            let check = Check { resource: PRODUCT, name: &before.name };
            return check.refuse("its number cannot be changed");
        }
        self.product_free(new)?;
        if new == before {
            return Ok(());
        }
        let values = [Value::Int(new.id), Value::Text(&new.name), Value::Text(&new.source)];
        self.execute("UPDATE product SET name = ?2, source = ?3 WHERE id = ?1", &values)?;
        self.note(PRODUCT, &new.name, Some(before), Some(new))
    }

    /// Removes a product of which there is nothing.
    ///
    /// # Errors
    ///
    /// When it has versions or categories.
    pub fn product_remove(&mut self, before: &Product) -> Result<(), Error> {
        let versions = "SELECT count(*) FROM version WHERE product_id = ?1";
        let versions = self.view().rows_of(versions, before.id)?;
        let categories = "SELECT count(*) FROM category WHERE product_id = ?1";
        let categories = self.view().rows_of(categories, before.id)?;
        if versions + categories > 0 {
            let why = format!("it has {versions} versions, and {categories} categories are of it");
            return Check { resource: PRODUCT, name: &before.name }.refuse(why);
        }
        self.execute("DELETE FROM product WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(PRODUCT, &before.name, Some(before), None::<&Product>)
    }

    fn product_free(&mut self, new: &Product) -> Result<(), Error> {
        new.check()?;
        match self.view().product_find(&new.name) {
            Ok(known) if known.id != new.id => {
                Check { resource: PRODUCT, name: &new.name }.refuse("the name is taken")
            }
            Ok(_) | Err(Error::Unknown { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Adds a version, and gives it its number.
    ///
    /// # Errors
    ///
    /// When there is one of its name, its product is unknown, or it makes no sense.
    pub fn version_insert(&mut self, mut new: Version) -> Result<Version, Error> {
        new.id = self.id_new();
        let product_id = self.version_free(&new)?;
        self.execute(
            "INSERT INTO version (id, product_id, name, development, source) \
             VALUES (?1, ?2, ?3, ?4, ?5)",
            &version_values(&new, product_id),
        )?;
        self.note(VERSION, &new.full_name(), None::<&Version>, Some(&new))?;
        Ok(new)
    }

    /// Makes a version what it is told to be.
    ///
    /// # Errors
    ///
    /// When its new name is taken, its product is unknown, or its number would change.
    pub fn version_update(&mut self, before: &Version, new: &Version) -> Result<(), Error> {
        if new.id != before.id {
            let check = Check { resource: VERSION, name: &before.full_name() };
            return check.refuse("its number cannot be changed");
        }
        let product_id = self.version_free(new)?;
        if new == before {
            return Ok(());
        }
        self.execute(
            "UPDATE version SET product_id = ?2, name = ?3, development = ?4, source = ?5 \
             WHERE id = ?1",
            &version_values(new, product_id),
        )?;
        self.note(VERSION, &new.full_name(), Some(before), Some(new))
    }

    /// Removes a version that no repository is of.
    ///
    /// # Errors
    ///
    /// When repositories are of it.
    pub fn version_remove(&mut self, before: &Version) -> Result<(), Error> {
        let sql = "SELECT count(*) FROM repository WHERE version_id = ?1";
        let count = self.view().rows_of(sql, before.id)?;
        if count > 0 {
            let check = Check { resource: VERSION, name: &before.full_name() };
            return check.refuse(format!("{count} repositories are of it"));
        }
        self.execute("DELETE FROM version WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(VERSION, &before.full_name(), Some(before), None::<&Version>)
    }

    /// The number of its product, if nothing stands against it.
    fn version_free(&mut self, new: &Version) -> Result<i64, Error> {
        new.check()?;
        let product = self.view().product_find(&new.product)?;
        let name = new.full_name();
        match self.view().version_find(&name) {
            Ok(known) if known.id != new.id => {
                Check { resource: VERSION, name: &name }.refuse("there is one")
            }
            Ok(_) | Err(Error::Unknown { .. }) => Ok(product.id),
            Err(error) => Err(error),
        }
    }
}

fn version_values(version: &Version, product_id: i64) -> [Value<'_>; 5] {
    [
        Value::Int(version.id),
        Value::Int(product_id),
        Value::Text(&version.name),
        Value::Bool(version.development),
        Value::Text(&version.source),
    ]
}

fn product(row: &Row<'_>) -> Result<Product, Error> {
    Ok(Product { id: row.cell(0)?, name: row.cell(1)?, source: row.cell(2)? })
}

fn version(row: &Row<'_>) -> Result<Version, Error> {
    Ok(Version {
        id: row.cell(0)?,
        product: row.cell(1)?,
        name: row.cell(2)?,
        development: row.cell(3)?,
        source: row.cell(4)?,
    })
}

const PRODUCT: &str = "product";
const VERSION: &str = "version";
const VERSIONS: &str = "SELECT version.id, product.name, version.name, development, \
    version.source FROM version JOIN product ON product.id = product_id";
