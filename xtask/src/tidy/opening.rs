//! Every file opens with what it is: `//!` and a sentence, before anything else.
//!
//! The first page of a library that stands alone is its README, so that people who meet it on
//! disk and people who meet it in the documentation read the same words.

use super::Finding;

/// Looks at the first line of a Rust file.
pub(crate) fn check(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    if is_library_page(path) && first == README {
        return None;
    }
    let words = first.strip_prefix("//!").map(str::trim);
    words.is_none_or(str::is_empty).then(|| Finding::new(path, 1, "does not open with //!"))
}

fn is_library_page(path: &str) -> bool {
    path.starts_with("lib/") && path.ends_with("/src/lib.rs")
}

const README: &str = "#![doc = include_str!(\"../README.md\")]";

#[cfg(test)]
mod tests {
    use super::{README, check};

    #[test]
    fn a_file_without_a_first_sentence_is_found() {
        assert!(check("a.rs", "//! What it is.\n").is_none());
        for bad in ["", "\n//! Late.", "// Plain.", "//!\n//! Late.", "use a;"] {
            assert!(check("a.rs", bad).is_some(), "{bad:?}");
        }
    }

    #[test]
    fn a_library_may_open_with_its_readme() {
        assert!(check("lib/percpu/src/lib.rs", README).is_none());
        assert!(check("lib/percpu/src/set.rs", README).is_some());
        assert!(check("crates/model/src/lib.rs", README).is_some());
    }
}
