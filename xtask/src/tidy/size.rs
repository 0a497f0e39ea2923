//! Functions fit on a page, files in a head.
//!
//! Only code counts: explanations and tests are free, so that nobody saves lines by deleting
//! them. Lints know the limit for functions too; this rule also sees code that is configured
//! away on the machine that lints.

use super::Finding;
use super::code::Code;

/// The functions of a file that are too long.
pub(crate) fn functions(path: &str, code: &Code) -> Vec<Finding> {
    let long = |lines: usize| lines > FUNCTION_LINES_MAX;
    code.functions()
        .into_iter()
        .filter(|function| long(function.lines))
        .map(|function| {
            let what = format!(
                "function {} has {} lines of code, the limit is {FUNCTION_LINES_MAX}",
                function.name, function.lines
            );
            Finding::new(path, function.line, what)
        })
        .collect()
}

/// The file, if it is too long and no exception.
pub(crate) fn file(path: &str, code: &Code) -> Option<Finding> {
    if is_test(path) || EXCEPTIONS.iter().any(|(exception, _)| *exception == path) {
        return None;
    }
    let lines = code.lines();
    (lines > FILE_LINES_MAX).then(|| {
        let what = format!("has {lines} lines of code, the limit is {FILE_LINES_MAX}");
        Finding::new(path, 0, what)
    })
}

/// Whether a file holds nothing but tests or benches.
fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/") || path.contains("/benches/")
}

/// Lines of code in a function; `clippy.toml` says the same.
const FUNCTION_LINES_MAX: usize = 70;

/// Lines of code in a file.
const FILE_LINES_MAX: usize = 600;

/// Files that may be longer, each with its reason.
const EXCEPTIONS: &[(&str, &str)] = &[];

#[cfg(test)]
mod tests {
    use super::super::code::Code;
    use super::{file, functions};

    fn function_of(lines: usize) -> Code {
        Code::parse(&format!("fn long() {{\n{}}}\n", "    step();\n".repeat(lines))).unwrap()
    }

    #[test]
    fn a_long_function_is_found() {
        assert_eq!(functions("a.rs", &function_of(70)), []);
        let found = functions("a.rs", &function_of(71));
        assert_eq!(
            found[0].to_string(),
            "a.rs:1: function long has 71 lines of code, the limit is 70"
        );
    }

    #[test]
    fn a_long_file_is_found_unless_it_is_a_test() {
        let code = |lines: usize| Code::parse(&"struct A;\n".repeat(lines)).unwrap();
        assert!(file("a.rs", &code(600)).is_none());
        assert!(file("a.rs", &code(601)).is_some());
        assert!(file("x/src/tests.rs", &code(601)).is_none());
    }
}
