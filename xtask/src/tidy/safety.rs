//! Where `unsafe` may stand: in `lib/`, and in the one function that maps a snapshot.

use super::Finding;
use super::code::Code;

/// Every `unsafe` in a place that has no right to it.
pub(crate) fn places(path: &str, code: &Code) -> Vec<Finding> {
    if path.starts_with("lib/") || EXCEPTIONS.iter().any(|(exception, _)| *exception == path) {
        return Vec::new();
    }
    let lines = code.lines_with("unsafe");
    lines.into_iter().map(|line| Finding::new(path, line, "`unsafe` outside of lib/")).collect()
}

/// The root of a product crate, if it does not rule `unsafe` out.
pub(crate) fn roots(path: &str, code: &Code) -> Option<Finding> {
    let below_src = path.strip_prefix("crates/").and_then(|rest| rest.split_once("/src/"));
    let (name, file) = below_src?;
    if file != "lib.rs" && file != "main.rs" && !file.starts_with("bin/") {
        return None;
    }
    let level = if name == MAPS { "deny" } else { "forbid" };
    let said = |attribute: &super::code::Attribute| {
        attribute.inner && attribute.is(level) && attribute.mentions("unsafe_code")
    };
    (!code.attributes().iter().any(said))
        .then(|| Finding::new(path, 0, format!("does not say #![{level}(unsafe_code)]")))
}

/// The crate that maps a file, and so can only deny and expect.
const MAPS: &str = "snapshot";

/// Files outside of `lib/` that may say `unsafe`, each with its reason.
const EXCEPTIONS: &[(&str, &str)] =
    &[("crates/snapshot/src/map.rs", "the one function that maps a snapshot file")];

#[cfg(test)]
mod tests {
    use super::super::code::Code;
    use super::{places, roots};

    #[test]
    fn unsafe_outside_of_lib_is_found() {
        let code =
            Code::parse("// unsafe\nfn a() -> &str { \"unsafe\" }\nunsafe fn b() {}").unwrap();
        assert_eq!(places("crates/model/src/a.rs", &code)[0].line, 3);
        assert_eq!(places("crates/model/src/a.rs", &code).len(), 1);
        assert_eq!(places("lib/percpu/src/a.rs", &code), []);
        assert_eq!(places("crates/snapshot/src/map.rs", &code), []);
    }

    #[test]
    fn a_root_that_rules_nothing_out_is_found() {
        let (forbid, deny) = ("#![forbid(unsafe_code)]", "#![deny(unsafe_code)]");
        let found = |path: &str, text: &str| roots(path, &Code::parse(text).unwrap()).is_some();
        assert!(!found("crates/model/src/lib.rs", forbid));
        assert!(found("crates/model/src/lib.rs", deny));
        assert!(found("crates/operate/cli/src/lib.rs", "fn a() {}"));
        assert!(!found("crates/snapshot/src/lib.rs", deny));
        assert!(!found("crates/model/src/url.rs", ""));
        assert!(!found("xtask/src/main.rs", ""));
    }
}
