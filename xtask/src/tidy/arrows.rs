//! ARCHITECTURE.md and Cargo agree on who uses whom.
//!
//! The table under the heading "Arrows" is the authority that people read; the manifests are
//! what the compiler reads. Both must say the same, edge by edge, or the test names the edge.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Finding;
use crate::cargo::elements;

/// What one crate uses of this workspace.
#[derive(Debug, Default, PartialEq, Eq)]
struct Uses {
    /// To be built.
    always: BTreeSet<String>,
    /// Only for its tests and benches.
    in_tests: BTreeSet<String>,
}

/// Crates by short name, in both directions of the comparison.
type Arrows = BTreeMap<String, Uses>;

/// Every edge that only one side knows.
pub(crate) fn compare(document: &str, metadata: &Value) -> Vec<Finding> {
    let (drawn, real) = (drawn(document), real(metadata));
    let mut findings = Vec::new();
    for name in drawn.keys().chain(real.keys()).collect::<BTreeSet<_>>() {
        match (drawn.get(name), real.get(name)) {
            (Some(drawn), Some(real)) => {
                findings.extend(edges(name, "", &drawn.always, &real.always));
                findings.extend(edges(name, " in tests", &drawn.in_tests, &real.in_tests));
            }
            (Some(_), None) => findings.push(format!("{name} is in the table, not in Cargo")),
            (None, _) => findings.push(format!("{name} is in Cargo, not in the table")),
        }
    }
    findings.into_iter().map(|what| Finding::new(DOCUMENT, 0, what)).collect()
}

/// The edges of one crate that only one side knows.
fn edges(name: &str, when: &str, drawn: &BTreeSet<String>, real: &BTreeSet<String>) -> Vec<String> {
    let undrawn = real.difference(drawn).map(|to| {
        format!("Cargo says {name} uses {to}{when}; the table says it uses {}", list(drawn))
    });
    let unreal = drawn.difference(real).map(|to| {
        format!("the table says {name} uses {to}{when}; Cargo says it uses {}", list(real))
    });
    undrawn.chain(unreal).collect()
}

fn list(names: &BTreeSet<String>) -> String {
    if names.is_empty() {
        return "nothing".to_owned();
    }
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

/// The table: crate, uses, in tests also, door.
fn drawn(document: &str) -> Arrows {
    let section = document.lines().skip_while(|line| *line != HEADING).skip(1);
    let section = section.take_while(|line| !line.starts_with("## "));
    let rows = section.filter(|line| line.starts_with('|')).skip(2);
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(names);
        let name = cells.next()?.into_iter().next()?;
        let (always, in_tests) = (cells.next()?, cells.next()?);
        Some((name, Uses { always, in_tests }))
    })
    .collect()
}

/// The names in a cell; a dash is none.
fn names(cell: &str) -> BTreeSet<String> {
    let names = cell.split(',').map(|name| name.trim().trim_matches('`'));
    names.filter(|name| !name.is_empty() && *name != "-").map(str::to_owned).collect()
}

/// The edges of `cargo metadata` between crates of this workspace.
fn real(metadata: &Value) -> Arrows {
    let packages = elements(&metadata["packages"]);
    let members: BTreeSet<&str> =
        packages.iter().filter_map(|package| package["name"].as_str()).collect();
    let mut arrows = Arrows::new();
    for package in packages {
        let mut uses = Uses::default();
        for dependency in elements(&package["dependencies"]) {
            let name = dependency["name"].as_str().unwrap_or_default();
            if members.contains(name) {
                let dev = dependency["kind"].as_str() == Some("dev");
                let side = if dev { &mut uses.in_tests } else { &mut uses.always };
                side.insert(short(name));
            }
        }
        uses.in_tests.retain(|name| !uses.always.contains(name));
        arrows.insert(short(package["name"].as_str().unwrap_or_default()), uses);
    }
    arrows
}

/// A package's name as the table spells it.
fn short(name: &str) -> String {
    name.strip_prefix("heliostat-").unwrap_or(name).to_owned()
}

const DOCUMENT: &str = "ARCHITECTURE.md";
const HEADING: &str = "## Arrows";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::compare;

    const TABLE: &str = "## Arrows\n\nWords.\n\n| crate | uses | in tests also | door |\n\
                         |---|---|---|---|\n| `model` | - | - | none |\n\
                         | `serve` | `model` | `world` | sockets |\n| `world` | - | - | none |\n\
                         \n## Next\n\n| a | b | c | d |\n";

    fn check(serve_uses: &[(&str, &str)]) -> Vec<String> {
        let dependencies: Vec<_> =
            serve_uses.iter().map(|(name, kind)| json!({ "name": name, "kind": kind })).collect();
        let metadata = json!({ "packages": [
            { "name": "heliostat-model", "dependencies": [{ "name": "ipnet", "kind": null }] },
            { "name": "heliostat-serve", "dependencies": dependencies },
            { "name": "heliostat-world", "dependencies": [] },
        ]});
        compare(TABLE, &metadata).into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn equal_sides_are_silent() {
        let equal = [("heliostat-model", "normal"), ("heliostat-world", "dev")];
        assert_eq!(check(&equal), Vec::<String>::new());
    }

    #[test]
    fn an_edge_on_one_side_only_is_named_with_both() {
        let world = [
            ("heliostat-model", "normal"),
            ("heliostat-world", "normal"),
            ("heliostat-world", "dev"),
        ];
        assert_eq!(
            check(&world),
            [
                "Cargo says serve uses world; the table says it uses model",
                "the table says serve uses world in tests; Cargo says it uses nothing",
            ]
        );
        assert_eq!(
            check(&[("heliostat-world", "dev")]),
            ["the table says serve uses model; Cargo says it uses nothing"]
        );
    }

    #[test]
    fn a_crate_on_one_side_only_is_named() {
        let metadata = json!({ "packages": [{ "name": "heliostat-extra", "dependencies": [] }] });
        let found = compare(TABLE, &metadata);
        let found: Vec<_> = found.iter().map(|finding| finding.what.as_str()).collect();
        assert!(found.contains(&"extra is in Cargo, not in the table"));
        assert!(found.contains(&"model is in the table, not in Cargo"));
    }
}
