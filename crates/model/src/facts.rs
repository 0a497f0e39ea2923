//! What a source knows of people's side: things on which no answer depends, but which staff keep.

/// What is known beside a [`World`](crate::World).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Of each host of the world; none when the source knows nothing of the sort.
    pub hosts: Vec<HostFacts>,
    /// The parts of the tree that the source calls by name.
    pub categories: Vec<CategoryFacts>,
    /// What is released.
    pub versions: Vec<VersionFacts>,
    /// Of each repository of the world: its version, as PRODUCT/VERSION; none when the source knows
    /// nothing of the sort.
    pub repository_versions: Vec<Option<String>>,
}

/// What is known of a host; what is not said stays as it is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostFacts {
    /// Who runs it.
    pub site: Option<String>,
    /// The administrators of the network have nothing against it.
    pub active_admin: Option<bool>,
    /// Its owner wants it to be used.
    pub active_owner: Option<bool>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// Anything else.
    pub notes: Option<String>,
}

/// A part of the tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CategoryFacts {
    /// What it is called.
    pub name: String,
    /// The directory above all of it.
    pub top: String,
    /// What it is of.
    pub product: Option<String>,
}

/// One release.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VersionFacts {
    /// Of what.
    pub product: String,
    /// What it is called.
    pub name: String,
    /// It is not released yet.
    pub development: bool,
}

impl HostFacts {
    /// Nobody has switched it off.
    pub fn is_active(&self) -> bool {
        self.active_admin != Some(false) && self.active_owner != Some(false)
    }
}
