//! Licences, bans and sources of what we depend on, as `deny.toml` says.
//!
//! `cargo-deny` reads the same file and knows more; this needs nothing but cargo, so it runs in
//! every test.

use std::collections::BTreeMap;

use anyhow::{Context, Result};
use serde_json::Value;
use toml::{Table, Value as Toml};

use super::{Finding, spdx};
use crate::cargo::elements;

/// What `deny.toml` says.
#[derive(Debug, Default)]
struct Policy {
    licences: Vec<String>,
    bans: Vec<Ban>,
}

/// A crate that nobody may use, or nobody but its wrappers.
#[derive(Debug)]
struct Ban {
    name: String,
    reason: String,
    wrappers: Vec<String>,
}

/// Every dependency that `deny.toml` does not want.
pub(crate) fn check(deny: &str, metadata: &Value) -> Result<Vec<Finding>> {
    let policy = policy(deny)?;
    let packages = elements(&metadata["packages"]);
    let users = users(metadata);
    let mut findings = Vec::new();
    for package in packages {
        let text = |key: &str| package[key].as_str().unwrap_or_default();
        let name = text("name");
        let allowed = |licence: &str| policy.licences.iter().any(|known| known == licence);
        if !spdx::is_met(text("license"), &allowed) {
            findings.push(format!("licence of {name} is not allowed: {}", text("license")));
        }
        if !package["source"].is_null() && text("source") != CRATES_IO {
            findings.push(format!("{name} does not come from crates.io: {}", text("source")));
        }
        for ban in policy.bans.iter().filter(|ban| ban.name == name) {
            findings.extend(banned(ban, users.get(text("id")).map_or(&[], Vec::as_slice)));
        }
    }
    Ok(findings.into_iter().map(|what| Finding::new("deny.toml", 0, what)).collect())
}

/// What is wrong with the users of a banned crate.
fn banned(ban: &Ban, users: &[String]) -> Vec<String> {
    let Ban { name, reason, wrappers } = ban;
    let strangers = users.iter().filter(|user| !wrappers.contains(user));
    strangers.map(|user| format!("{user} uses {name}, which is banned: {reason}")).collect()
}

/// The names of those who use a package directly, by its id.
fn users(metadata: &Value) -> BTreeMap<&str, Vec<String>> {
    let names: BTreeMap<&str, &str> = elements(&metadata["packages"])
        .iter()
        .filter_map(|package| Some((package["id"].as_str()?, package["name"].as_str()?)))
        .collect();
    let mut users: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for node in elements(&metadata["resolve"]["nodes"]) {
        let user = names.get(node["id"].as_str().unwrap_or_default());
        for used in elements(&node["dependencies"]) {
            if let (Some(user), Some(used)) = (user, used.as_str()) {
                users.entry(used).or_default().push((*user).to_owned());
            }
        }
    }
    users
}

fn policy(deny: &str) -> Result<Policy> {
    let table: Table = deny.parse().context("deny.toml is not TOML")?;
    let entries = |section: &str, key: &str| -> Vec<Toml> {
        let found = table.get(section).and_then(|section| section.get(key)?.as_array());
        found.cloned().unwrap_or_default()
    };
    let licences = strings(&entries("licenses", "allow"));
    let bans = entries("bans", "deny").iter().map(ban).collect::<Result<_>>()?;
    Ok(Policy { licences, bans })
}

fn ban(entry: &Toml) -> Result<Ban> {
    let text = |key: &str| entry.get(key).and_then(Toml::as_str).map(str::to_owned);
    let name = text("crate").with_context(|| format!("a ban names no crate: {entry}"))?;
    let reason = text("reason").with_context(|| format!("the ban of {name} has no reason"))?;
    let wrappers = entry.get("wrappers").and_then(Toml::as_array);
    Ok(Ban { name, reason, wrappers: wrappers.map_or_else(Vec::new, |list| strings(list)) })
}

fn strings(values: &[Toml]) -> Vec<String> {
    values.iter().filter_map(Toml::as_str).map(str::to_owned).collect()
}

const CRATES_IO: &str = "registry+https://github.com/rust-lang/crates.io-index";

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CRATES_IO, check};

    const DENY: &str = r#"
        licenses.allow = ["MIT"]
        bans.deny = [
            { crate = "bad", reason = "it is bad" },
            { crate = "door", reason = "one door", wrappers = ["keeper"] },
        ]
    "#;

    fn found(name: &str, licence: &str, source: &str, user: &str) -> Vec<String> {
        let metadata = json!({
            "packages": [
                { "id": "1", "name": name, "license": licence, "source": source },
                { "id": "2", "name": user, "license": "MIT", "source": null },
            ],
            "resolve": { "nodes": [{ "id": "2", "dependencies": ["1"] }] },
        });
        check(DENY, &metadata).unwrap().into_iter().map(|finding| finding.what).collect()
    }

    #[test]
    fn what_is_not_wanted_is_found() {
        let nothing = Vec::<String>::new();
        assert_eq!(found("good", "MIT OR Zlib", CRATES_IO, "us"), nothing);
        assert_eq!(found("good", "Zlib", CRATES_IO, "us").len(), 1);
        assert_eq!(found("good", "MIT", "git+https://a.example/", "us").len(), 1);
        assert_eq!(
            found("bad", "MIT", CRATES_IO, "us"),
            ["us uses bad, which is banned: it is bad"]
        );
        assert_eq!(found("door", "MIT", CRATES_IO, "us").len(), 1);
        assert_eq!(found("door", "MIT", CRATES_IO, "keeper"), nothing);
    }

    #[test]
    fn a_ban_without_a_reason_is_refused() {
        assert!(check("bans.deny = [{ crate = \"bad\" }]", &json!({})).is_err());
    }
}
