//! Nothing names the machine it was written on: no home folders, no private registries.

use super::Finding;

/// Lines that hold only on somebody's machine.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        let mut find = |what: &str| findings.push(Finding::new(path, at + 1, what));
        if FOLDERS.iter().any(|folder| line.contains(folder)) {
            find("names a folder of one machine");
        }
        if is_cargo(path) && REGISTRIES.iter().any(|word| line.trim_start().starts_with(word)) {
            find("names a registry; the default one is meant to do");
        }
        let source = line.strip_prefix("source = ");
        if path.ends_with("Cargo.lock") && source.is_some_and(|source| source != CRATES_IO) {
            find("a dependency does not come from crates.io");
        }
    }
    findings
}

fn is_cargo(path: &str) -> bool {
    path.ends_with("Cargo.toml") || path.starts_with(".cargo/")
}

/// Cut in two, so that this file does not find itself.
const FOLDERS: &[&str] = &[
    concat!("/ho", "me/"),
    concat!("/ro", "ot/"),
    concat!("/Use", "rs/"),
    concat!("/wo", "rk/"),
    concat!("/tmp", "/target"),
];
const REGISTRIES: &[&str] = &["[source", "[registr", "replace-with", "registry ", "registry="];
const CRATES_IO: &str = "\"registry+https://github.com/rust-lang/crates.io-index\"";

#[cfg(test)]
mod tests {
    use super::{CRATES_IO, FOLDERS, check};

    #[test]
    fn folders_of_one_machine_are_found() {
        for folder in FOLDERS {
            assert_eq!(check("a.md", &format!("see {folder}me")).len(), 1);
        }
        assert_eq!(check("a.md", "see /var/lib/heliostat/"), []);
    }

    #[test]
    fn registries_are_found() {
        assert_eq!(check(".cargo/config.toml", "[source.crates-io]\nreplace-with = 'x'").len(), 2);
        assert_eq!(check("docs/a.md", "registry = 1"), []);
        assert_eq!(check("Cargo.lock", &format!("source = {CRATES_IO}")), []);
        assert_eq!(check("Cargo.lock", "source = \"git+https://a.example/\"").len(), 1);
    }
}
