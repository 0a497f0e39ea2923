//! Words that must not be left behind: unnumbered reminders and silenced lints.

use super::Finding;
use super::code::Code;

/// Reminders without the number of an issue.
pub(crate) fn left_behind(path: &str, text: &str) -> Vec<Finding> {
    if !KINDS.iter().any(|kind| path.ends_with(kind)) {
        return Vec::new();
    }
    let mut findings = Vec::new();
    for (at, line) in text.lines().enumerate() {
        for word in REMINDERS.iter().filter(|word| has_word(line, word)) {
            if !has_issue_number(line) {
                let what = format!("{word} without the number of an issue");
                findings.push(Finding::new(path, at + 1, what));
            }
        }
    }
    findings
}

/// Lints that are silenced for good instead of expected with a reason.
pub(crate) fn allowed(path: &str, code: &Code) -> Vec<Finding> {
    let silences = |attribute: &super::code::Attribute| {
        attribute.is("allow") || (attribute.is("cfg_attr") && attribute.mentions("allow"))
    };
    let attributes = code.attributes().into_iter().filter(silences);
    attributes
        .map(|attribute| Finding::new(path, attribute.line, "say expect(…, reason), not allow"))
        .collect()
}

/// Whether a word stands alone in a line.
fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_alphanumeric() && c != '_').any(|part| part == word)
}

/// Whether a line names an issue: `#12`.
fn has_issue_number(line: &str) -> bool {
    line.split('#').skip(1).any(|rest| rest.starts_with(|c: char| c.is_ascii_digit()))
}

/// Cut in two, so that this file does not find itself.
const REMINDERS: &[&str] = &[concat!("TO", "DO"), concat!("FIX", "ME"), concat!("XX", "X")];

/// Files that people leave reminders in; prose may talk about them.
const KINDS: &[&str] = &[".rs", ".toml", ".sh", ".ci/run"];

#[cfg(test)]
mod tests {
    use super::super::code::Code;
    use super::{REMINDERS, allowed, left_behind};

    #[test]
    fn a_reminder_without_a_number_is_found() {
        for word in REMINDERS {
            let found = |line: String| left_behind("a.rs", &line).len();
            assert_eq!(found(format!("// {word}: later")), 1);
            assert_eq!(found(format!("// {word}(#12): later")), 0);
            assert_eq!(found(format!("// {word}# later")), 1);
            assert_eq!(found(format!("let {word}_LIST = 1;")), 0);
            assert_eq!(left_behind("a.md", &format!("no {word}")), []);
        }
    }

    #[test]
    fn a_silenced_lint_is_found() {
        let found = |text: &str| allowed("a.rs", &Code::parse(text).unwrap()).len();
        assert_eq!(found("#[allow(dead_code)]\nfn a() {}"), 1);
        assert_eq!(found("#![cfg_attr(test, allow(dead_code))]"), 1);
        assert_eq!(found("#[expect(dead_code, reason = \"x\")]\nfn a() {}"), 0);
        assert_eq!(found("const A: &str = \"#[allow(x)]\";"), 0);
    }
}
