//! The tree is tidy.

use super::check::check;

#[test]
fn the_tree_is_tidy() {
    let findings: Vec<String> = check().unwrap().iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "{} findings:\n{}", findings.len(), findings.join("\n"));
}
