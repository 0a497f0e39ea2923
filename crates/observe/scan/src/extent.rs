//! How much of a primary copy is looked at: all of it, a part, or just what somebody named.

use std::collections::BTreeSet;

use crate::record::below;

/// How much of a primary copy is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Extent {
    /// All of it.
    #[default]
    Whole,
    /// A directory and what is below it, by its path below the category's top.
    Below(String),
    /// What a publisher says that it has changed: it is looked at whether it seems to have changed
    /// or not, and what is not there any more is gone.
    Told(Vec<Part>),
}

/// A directory that is looked at, by its path below the category's top.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Part {
    /// The path; empty for the top.
    pub path: String,
    /// With all that is below it.
    pub deep: bool,
}

impl Extent {
    /// The parts in which named files and directories lie.
    ///
    /// A known directory is looked at with all that is below it. Of anything else, nobody knows whether
    /// it is a file or a new directory, so it is looked for as both. Directories on the way that
    /// are not known are looked at, too, or nobody could ask for what is in them.
    #[must_use]
    pub fn told(paths: &[String], is_known: &dyn Fn(&str) -> bool) -> Extent {
        let (mut deep, mut flat) = (BTreeSet::new(), BTreeSet::new());
        for path in paths {
            let path = path.trim_matches('/');
            deep.insert(path.to_owned());
            if !is_known(path) {
                let mut above = parent(path);
                flat.insert(above.to_owned());
                while !above.is_empty() && !is_known(above) {
                    above = parent(above);
                    flat.insert(above.to_owned());
                }
            }
        }
        let covered = |path: &str| {
            let mut above = path;
            while !above.is_empty() {
                above = parent(above);
                if deep.contains(above) {
                    return true;
                }
            }
            false
        };
        let part = |path: &String, deep| Part { path: path.clone(), deep };
        let flat = flat.iter().filter(|path| !deep.contains(*path) && !covered(path));
        let flat = flat.map(|path| part(path, false));
        let deep = deep.iter().filter(|path| !covered(path)).map(|path| part(path, true));
        Extent::Told(flat.chain(deep).collect())
    }

    /// The directories with which a walk begins.
    pub(crate) fn parts(&self) -> Vec<Part> {
        match self {
            Extent::Whole => vec![Part { path: String::new(), deep: true }],
            Extent::Below(path) => vec![Part { path: path.clone(), deep: true }],
            Extent::Told(parts) => parts.clone(),
        }
    }

    /// Whether a directory is looked at.
    #[must_use]
    pub fn covers(&self, path: &str) -> bool {
        match self {
            Extent::Whole => true,
            Extent::Below(from) => below(from, path).is_some(),
            Extent::Told(parts) => parts
                .iter()
                .any(|part| part.path == path || (part.deep && below(&part.path, path).is_some())),
        }
    }

    /// Whether somebody named just this directory as changed.
    pub(crate) fn names(&self, path: &str) -> bool {
        matches!(self, Extent::Told(parts) if parts.iter().any(|part| part.path == path))
    }

    /// Whether it is no error that a part is not there.
    pub(crate) fn may_lack(&self) -> bool {
        matches!(self, Extent::Told(_))
    }
}

fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(above, _)| above)
}

#[cfg(test)]
mod tests {
    use super::Extent;

    fn parts(paths: &[&str]) -> String {
        let known = ["", "40", "40/os", "40/os/repodata"];
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        let told = Extent::told(&paths, &|path| known.contains(&path));
        let shown = told.parts().into_iter();
        let shown =
            shown.map(|part| format!("{}{}", part.path, if part.deep { "/**" } else { "" }));
        shown.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn files_lead_to_their_directories_and_new_ones_to_those_above() {
        assert_eq!(
            parts(&["40/os/repodata/repomd.xml"]),
            "40/os/repodata 40/os/repodata/repomd.xml/**"
        );
        assert_eq!(parts(&["/40/os/"]), "40/os/**");
        assert_eq!(parts(&["40/os", "40/os/repodata", "40/os/a.rpm"]), "40/os/**");
        assert_eq!(parts(&["41/os/a.rpm"]), " 41 41/os 41/os/a.rpm/**");
        assert_eq!(parts(&["41", "41/os/a.rpm"]), " 41/**");
        assert_eq!(parts(&[""]), "/**");
        assert_eq!(parts(&[]), "");
    }

    #[test]
    fn what_is_told_is_covered_and_nothing_else() {
        let told = Extent::told(&["40/os/a.rpm".to_owned()], &|path| path == "40/os");
        assert!(told.covers("40/os") && told.names("40/os") && !told.covers("40/os/repodata"));
        let told = Extent::told(&["40/os".to_owned()], &|_| true);
        assert!(told.covers("40/os/repodata") && !told.names("40/os/repodata"));
        assert!(!told.covers("40/os2") && !told.covers("40"));
    }
}
