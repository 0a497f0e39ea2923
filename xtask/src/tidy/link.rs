//! Documents point at files that exist.
//!
//! Only links within this tree are followed; the rest of the world changes without asking us.

use std::path::{Component, Path, PathBuf};

use super::Finding;

/// The relative links of a document that lead nowhere.
pub(crate) fn check(path: &str, text: &str, exists: &dyn Fn(&str) -> bool) -> Vec<Finding> {
    let folder = Path::new(path).parent().unwrap_or(Path::new(""));
    let mut findings = Vec::new();
    let mut in_code = false;
    for (at, line) in text.lines().enumerate() {
        in_code ^= line.trim_start().starts_with("```");
        for target in targets(line).filter(|_| !in_code) {
            let place = normal(&folder.join(target));
            if !exists(&place.to_string_lossy()) {
                findings.push(Finding::new(
                    path,
                    at + 1,
                    format!("links to {target}, which is not there"),
                ));
            }
        }
    }
    findings
}

/// What stands between `](` and `)`, without fragments, when it is a path.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    let links = line.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    links
        .map(|(target, _)| target.split('#').next().unwrap_or_default())
        .filter(|target| !target.is_empty() && !target.contains(':') && !target.contains("::"))
}

/// The path without `.` and `..`.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::ParentDir => drop(normal.pop()),
            Component::CurDir => {}
            other => normal.push(other),
        }
    }
    normal
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn links_to_nowhere_are_found() {
        const NONE: [usize; 0] = [];
        let exists = |path: &str| path == "docs/guide/serve.md" || path == "README.md";
        let lines = |text: &str| {
            let found = check("docs/guide/README.md", text, &exists);
            found.into_iter().map(|finding| finding.line).collect::<Vec<_>>()
        };
        assert_eq!(
            lines("[a](serve.md#limits) [b](../../README.md) [c](https://a.example/)"),
            NONE
        );
        assert_eq!(lines("[a](serve.md)\n[b](log.md), [c](../log.md)"), [2, 2]);
        assert_eq!(lines("```\n[b](log.md)\n```\n[x](#here)"), NONE);
    }
}
