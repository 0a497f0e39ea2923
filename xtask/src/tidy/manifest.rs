//! Every crate inherits from the workspace: lints, licence, edition, oldest compiler.

use toml::Table;

use super::Finding;

/// Looks at one manifest; the root of the workspace is none of a crate.
pub(crate) fn check(path: &str, text: &str) -> Vec<Finding> {
    let manifest: Table = match text.parse() {
        Ok(manifest) => manifest,
        Err(error) => return vec![Finding::new(path, 0, format!("is not TOML: {error}"))],
    };
    if manifest.contains_key("workspace") {
        return Vec::new();
    }
    INHERITED
        .iter()
        .filter(|keys| !inherits(&manifest, keys))
        .map(|keys| {
            let what = format!("does not say {}.workspace = true", keys.join("."));
            Finding::new(path, 0, what)
        })
        .collect()
}

fn inherits(manifest: &Table, keys: &[&str]) -> bool {
    let mut table = Some(manifest);
    for key in keys {
        table = table.and_then(|table| table.get(*key)?.as_table());
    }
    table.and_then(|table| table.get("workspace")?.as_bool()).unwrap_or(false)
}

const INHERITED: &[&[&str]] =
    &[&["lints"], &["package", "license"], &["package", "edition"], &["package", "rust-version"]];

#[cfg(test)]
mod tests {
    use super::check;

    const GOOD: &str = "[package]\nname = \"a\"\nlicense.workspace = true\n\
                        edition.workspace = true\nrust-version.workspace = true\n\
                        [lints]\nworkspace = true\n";

    #[test]
    fn a_crate_that_goes_its_own_way_is_found() {
        assert_eq!(check("a/Cargo.toml", GOOD), []);
        assert_eq!(check("Cargo.toml", "[workspace]\nmembers = []"), []);
        for (from, to) in [
            ("[lints]\nworkspace = true\n", ""),
            ("[lints]\nworkspace = true", "[lints.rust]\nmissing_docs = \"allow\""),
            ("license.workspace = true", "license = \"MIT\""),
            ("edition.workspace = true", "edition = \"2015\""),
        ] {
            assert_eq!(check("a/Cargo.toml", &GOOD.replace(from, to)).len(), 1, "{to}");
        }
        assert_eq!(check("a/Cargo.toml", "[").len(), 1);
    }
}
