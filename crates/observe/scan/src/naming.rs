//! The names of repositories that nobody has named.
//!
//! A repository that is found is of use only when clients can ask for it, so it gets a name from its
//! path: the architecture is the part that is one, and the rest, joined, is the prefix. People give
//! it a better one with `heliostat repo edit`, and a scan never touches a repository that has one.

/// The prefix and architecture of a repository in a directory below the category's top.
pub(crate) fn named(category: &str, path: &str) -> (String, String) {
    let parts: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).collect();
    let at = parts.iter().rposition(|part| is_arch(part));
    let arch = at.map_or("noarch", |at| parts[at]);
    let kept = parts.iter().enumerate().filter(|(place, part)| {
        Some(*place) != at && !matches!(**part, "os" | "tree" | "dists" | "repodata")
    });
    let words = [category].into_iter().chain(kept.map(|(_, part)| *part));
    (words.map(slug).filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-"), arch.to_owned())
}

/// A text as a part of a name: lower case, dashes for whatever is no letter.
pub(crate) fn slug(text: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || c == '.' || c == '_' { c } else { '-' };
    let text: String = text.to_lowercase().chars().map(plain).collect();
    let words = text.split('-').filter(|word| !word.is_empty());
    words.collect::<Vec<_>>().join("-").chars().take(120).collect()
}

fn is_arch(part: &str) -> bool {
    ARCHITECTURES.contains(&part)
}

const ARCHITECTURES: [&str; 27] = [
    "x86_64",
    "aarch64",
    "armhfp",
    "armhf",
    "armv7",
    "armv7h",
    "i386",
    "i586",
    "i686",
    "x86",
    "ppc64",
    "ppc64le",
    "s390x",
    "riscv64",
    "loongarch64",
    "amd64",
    "arm64",
    "armel",
    "ppc64el",
    "mips64el",
    "source",
    "SRPMS",
    "noarch",
    "x86_64_v2",
    "any",
    "all",
    "x86_64_v3",
];

#[cfg(test)]
mod tests {
    use super::named;

    #[test]
    fn names_come_from_paths() {
        for (path, prefix, arch) in [
            ("releases/40/Everything/x86_64/os", "fedora-linux-releases-40-everything", "x86_64"),
            ("updates/40/Everything/source/tree", "fedora-linux-updates-40-everything", "source"),
            ("v3.20/main/aarch64", "fedora-linux-v3.20-main", "aarch64"),
            ("dists/stable", "fedora-linux-stable", "noarch"),
            ("", "fedora-linux", "noarch"),
        ] {
            assert_eq!(named("Fedora Linux", path), (prefix.into(), arch.into()), "{path}");
        }
    }
}
