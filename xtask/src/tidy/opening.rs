//! Every file opens with what it is: `//!` and a sentence, before anything else.

use super::Finding;

/// Looks at the first line of a Rust file.
pub(crate) fn check(path: &str, text: &str) -> Option<Finding> {
    let first = text.lines().next().unwrap_or_default();
    let words = first.strip_prefix("//!").map(str::trim);
    words.is_none_or(str::is_empty).then(|| Finding::new(path, 1, "does not open with //!"))
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn a_file_without_a_first_sentence_is_found() {
        assert!(check("a.rs", "//! What it is.\n").is_none());
        for bad in ["", "\n//! Late.", "// Plain.", "//!\n//! Late.", "use a;"] {
            assert!(check("a.rs", bad).is_some(), "{bad:?}");
        }
    }
}
