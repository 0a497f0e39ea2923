//! Categories: the parts of the tree that hosts carry as a whole.

use serde::{Deserialize, Serialize};

use crate::check::Check;
use crate::engine::{Row, Value};
use crate::{Error, Txn, View};

/// A part of the tree.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Category {
    /// Its number.
    #[serde(default)]
    pub id: i64,
    /// What it is called.
    pub name: String,
    /// The directory above all of it, without slashes around; empty for the whole tree.
    pub top: String,
    /// What it is of: clients are told of it by this name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// Which import it belongs to; empty when people made it.
    #[serde(default)]
    pub source: String,
}

impl Category {
    fn check(&self) -> Result<(), Error> {
        let check = Check { resource: RESOURCE, name: &self.name };
        if self.name.is_empty() {
            return check.refuse("the name is empty");
        }
        // An import calls a category by its top, so the name may be as long as a path.
        check.path("the name", &self.name)?;
        check.path("the top", &self.top)
    }
}

impl View<'_> {
    /// All categories, by name.
    ///
    /// # Errors
    ///
    /// When the database cannot be read.
    pub fn category_list(&mut self) -> Result<Vec<Category>, Error> {
        self.query(&format!("{SELECT} ORDER BY category.name"), &[], read)
    }

    /// The category of a name.
    ///
    /// # Errors
    ///
    /// When there is none, or the database cannot be read.
    pub fn category_find(&mut self, name: &str) -> Result<Category, Error> {
        let sql = format!("{SELECT} WHERE category.name = ?1");
        let found = self.query(&sql, &[Value::Text(name)], read)?.into_iter().next();
        found.ok_or_else(|| Error::Unknown { resource: RESOURCE, name: name.to_owned() })
    }
}

impl Txn<'_> {
    /// Adds a category, and gives it its number.
    ///
    /// # Errors
    ///
    /// When its name or top is taken or makes no sense.
    pub fn category_insert(&mut self, mut category: Category) -> Result<Category, Error> {
        category.check()?;
        category.id = self.id_new();
        self.category_free(&category)?;
        let product_id = self.category_product(&category)?;
        self.execute(
            "INSERT INTO category (id, name, top, source, product_id) VALUES (?1, ?2, ?3, ?4, ?5)",
            &values(&category, product_id),
        )?;
        self.note(RESOURCE, &category.name, None::<&Category>, Some(&category))?;
        Ok(category)
    }

    /// Makes a category what it is told to be; its top stays, because directories hang on it.
    ///
    /// # Errors
    ///
    /// When it is unknown, its new name is taken, or its number or top would change.
    pub fn category_update(&mut self, name: &str, category: &Category) -> Result<(), Error> {
        category.check()?;
        let before = self.view().category_find(name)?;
        let check = Check { resource: RESOURCE, name };
        if category.id != before.id || category.top != before.top {
            return check.refuse("its number and its top cannot be changed");
        }
        self.category_free(category)?;
        if *category == before {
            return Ok(());
        }
        let product_id = self.category_product(category)?;
        self.execute(
            "UPDATE category SET name = ?2, top = ?3, source = ?4, product_id = ?5 WHERE id = ?1",
            &values(category, product_id),
        )?;
        self.note(RESOURCE, &category.name, Some(&before), Some(category))
    }

    /// Removes a category in which nothing is.
    ///
    /// # Errors
    ///
    /// When it is unknown, has directories, or is carried by hosts.
    pub fn category_remove(&mut self, name: &str) -> Result<(), Error> {
        let before = self.view().category_find(name)?;
        let count = |txn: &mut Txn<'_>, sql| {
            let counts =
                txn.view().query(sql, &[Value::Int(before.id)], |row| row.cell::<i64>(0))?;
            Ok::<i64, Error>(counts.first().copied().unwrap_or(0))
        };
        let directories = count(self, "SELECT count(*) FROM directory WHERE category_id = ?1")?;
        let mirrors = count(self, "SELECT count(*) FROM mirror WHERE category_id = ?1")?;
        if directories + mirrors > 0 {
            let why = format!("it has {directories} directories, and {mirrors} mirrors carry it");
            return Check { resource: RESOURCE, name }.refuse(why);
        }
        self.execute("DELETE FROM category WHERE id = ?1", &[Value::Int(before.id)])?;
        self.note(RESOURCE, name, Some(&before), None::<&Category>)
    }

    fn category_free(&mut self, category: &Category) -> Result<(), Error> {
        let sql = format!("{SELECT} WHERE (category.name = ?1 OR top = ?2) AND category.id <> ?3");
        let values =
            [Value::Text(&category.name), Value::Text(&category.top), Value::Int(category.id)];
        match self.view().query(&sql, &values, read)?.first() {
            Some(other) => Check { resource: RESOURCE, name: &category.name }
                .refuse(format!("there is the category {} with the top {}", other.name, other.top)),
            None => Ok(()),
        }
    }

    fn category_product(&mut self, category: &Category) -> Result<Option<i64>, Error> {
        let Some(product) = &category.product else { return Ok(None) };
        Ok(Some(self.view().product_find(product)?.id))
    }
}

fn values(category: &Category, product_id: Option<i64>) -> [Value<'_>; 5] {
    [
        Value::Int(category.id),
        Value::Text(&category.name),
        Value::Text(&category.top),
        Value::Text(&category.source),
        Value::int(product_id),
    ]
}

fn read(row: &Row<'_>) -> Result<Category, Error> {
    Ok(Category {
        id: row.cell(0)?,
        name: row.cell(1)?,
        top: row.cell(2)?,
        product: row.cell(4)?,
        source: row.cell(3)?,
    })
}

const RESOURCE: &str = "category";
const SELECT: &str = "SELECT category.id, category.name, top, category.source, product.name \
    FROM category LEFT JOIN product ON product.id = product_id";
