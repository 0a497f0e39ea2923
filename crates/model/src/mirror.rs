//! What one host offers of one category: the same content under one or more base URLs.
//!
//! A host that carries Fedora and EPEL under different URLs is two mirrors. Directories name the
//! mirrors that carry them, so that a path is appended to the right base.

use crate::{HostIndex, Url};

/// One host's copy of one category.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Mirror {
    /// Whose copy it is.
    pub host: HostIndex,
    /// Where it can be reached, in the order of the URLs' ids.
    pub urls: Vec<Url>,
}
