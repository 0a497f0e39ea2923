//! What is carried: products, versions, categories, directories, repositories and their names.

use std::collections::BTreeMap;

use heliostat_catalog::category::Category;
use heliostat_catalog::directory::{Directory, FileDetail};
use heliostat_catalog::product::{Product, Version};
use heliostat_catalog::repository::{Disabled, Redirect, Repository};
use heliostat_catalog::{Error, Txn, View};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{Kind, one};

impl Kind for Product {
    const NAME: &'static str = "product";
    const HEADING: &'static [&'static str] = &[">id", "name", "source"];

    fn row(&self) -> Vec<String> {
        vec![self.id.to_string(), self.name.clone(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.product_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.product_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.product_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.product_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.product_remove(self)
    }
}

impl Kind for Version {
    const NAME: &'static str = "version";
    const HEADING: &'static [&'static str] = &[">id", "product", "name", "state", "source"];

    fn row(&self) -> Vec<String> {
        let state = if self.development { "development" } else { "released" };
        let (product, name) = (self.product.clone(), self.name.clone());
        vec![self.id.to_string(), product, name, state.to_owned(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        let halves = name.split_once('/');
        let (product, version) = halves
            .ok_or_else(|| Version::refused(name, "name it as PRODUCT/VERSION: Fedora/40"))?;
        Ok(one("product", product).into_iter().chain(one("name", version)).collect())
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.version_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.version_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.version_insert(self).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.version_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.version_remove(self)
    }
}

impl Kind for Category {
    const NAME: &'static str = "category";
    const HEADING: &'static [&'static str] = &[">id", "name", "top", "product", "source"];

    fn row(&self) -> Vec<String> {
        let product = self.product.clone().unwrap_or_default();
        let (name, top) = (self.name.clone(), self.top.clone());
        vec![self.id.to_string(), name, top, product, self.source.clone()]
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

/// A directory as people write it: the category by its name, or as the directory's name says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::catalog::resource) struct DirectoryDocument {
    name: String,
    #[serde(default)]
    category: Option<String>,
    #[serde(default)]
    subpath: Option<String>,
    #[serde(default)]
    source: String,
    #[serde(default)]
    files: BTreeMap<String, Vec<FileDetail>>,
}

impl DirectoryDocument {
    fn of(directory: Directory, categories: &[Category]) -> DirectoryDocument {
        let category = categories.iter().find(|category| category.id == directory.category_id);
        DirectoryDocument {
            name: directory.name,
            category: category.map(|category| category.name.clone()),
            subpath: Some(directory.subpath),
            source: directory.source,
            files: directory.files,
        }
    }

    /// What is not said follows from the name: the deepest category above it, and what is below that.
    fn directory(self, id: i64, view: &mut View<'_>) -> Result<Directory, Error> {
        let category = match &self.category {
            Some(name) => view.category_find(name)?,
            None => {
                let all = view.category_list()?.into_iter();
                let above = all.filter(|category| below(category, &self.name).is_some());
                let deepest = above.max_by_key(|category| category.top.len());
                let why = "no category's top is above it; name one with --set category=NAME";
                deepest.ok_or_else(|| DirectoryDocument::refused(&self.name, why))?
            }
        };
        let subpath = match self.subpath {
            Some(subpath) => subpath,
            None => below(&category, &self.name).unwrap_or(&self.name).to_owned(),
        };
        let (category_id, name) = (category.id, self.name);
        Ok(Directory { id, category_id, name, subpath, source: self.source, files: self.files })
    }
}

/// What is left of a directory's name below the top of a category.
fn below<'a>(category: &Category, name: &'a str) -> Option<&'a str> {
    let rest = name.strip_prefix(category.top.as_str())?;
    match rest.strip_prefix('/') {
        Some(rest) if !category.top.is_empty() => Some(rest),
        None if rest.is_empty() || category.top.is_empty() => Some(rest),
        _ => None,
    }
}

impl Kind for DirectoryDocument {
    const NAME: &'static str = "directory";
    const HEADING: &'static [&'static str] = &["name", "category", ">files", "source"];

    fn row(&self) -> Vec<String> {
        let category = self.category.clone().unwrap_or_default();
        vec![self.name.clone(), category, self.files.len().to_string(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        let categories = view.category_list()?;
        let all = view.directory_list()?.into_iter();
        Ok(all.map(|directory| DirectoryDocument::of(directory, &categories)).collect())
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        let categories = view.category_list()?;
        Ok(DirectoryDocument::of(view.directory_find(name)?, &categories))
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        let directory = self.directory(0, txn.view())?;
        txn.directory_insert(directory).map(drop)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        let before = txn.view().directory_find(&before.name)?;
        let after = self.directory(before.id, txn.view())?;
        txn.directory_update(&before, &after)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        let before = txn.view().directory_find(&self.name)?;
        txn.directory_remove(&before)
    }
}

impl Kind for Repository {
    const NAME: &'static str = "repository";
    const HEADING: &'static [&'static str] =
        &[">id", "prefix", "arch", "directory", "version", "source"];

    fn row(&self) -> Vec<String> {
        let directory = self.directory.clone().unwrap_or_default();
        let (prefix, arch) = (self.prefix.clone(), self.arch.clone());
        let version = self.version.clone().unwrap_or_default();
        vec![self.id.to_string(), prefix, arch, directory, version, self.source.clone()]
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

impl Kind for Redirect {
    const NAME: &'static str = "redirect";
    const HEADING: &'static [&'static str] = &["name", "target", "source"];

    fn row(&self) -> Vec<String> {
        vec![self.name.clone(), self.target.clone(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("name", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.redirect_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.redirect_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.redirect_insert(&self)
    }

    fn update(self, before: &Self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.redirect_update(before, &self)
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.redirect_remove(self)
    }
}

impl Kind for Disabled {
    const NAME: &'static str = "disabled";
    const HEADING: &'static [&'static str] = &["prefix", "source"];

    fn row(&self) -> Vec<String> {
        vec![self.prefix.clone(), self.source.clone()]
    }

    fn named(name: &str) -> Result<Map<String, Value>, Error> {
        Ok(one("prefix", name))
    }

    fn list(view: &mut View<'_>) -> Result<Vec<Self>, Error> {
        view.disabled_list()
    }

    fn find(view: &mut View<'_>, name: &str) -> Result<Self, Error> {
        view.disabled_find(name)
    }

    fn insert(self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.disabled_insert(&self)
    }

    fn update(self, before: &Self, _: &mut Txn<'_>) -> Result<(), Error> {
        match self == *before {
            true => Ok(()),
            false => Err(Disabled::refused(&before.prefix, "add the other and remove this one")),
        }
    }

    fn remove(&self, txn: &mut Txn<'_>) -> Result<(), Error> {
        txn.disabled_remove(self)
    }
}

/// Prefix and architecture of a repository.
fn halves(name: &str) -> Result<(&str, &str), Error> {
    let halves = name.rsplit_once(['/', ' ']);
    halves.ok_or_else(|| Repository::refused(name, "name it as PREFIX/ARCH: fedora-40/x86_64"))
}
