//! Compile, inspect and explain, as a person calls them.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result};
use heliostat_testing_e2e::run;

use crate::fixture::snapshot_of;

#[test]
fn inspect_shows_what_is_in_a_snapshot() -> Result<()> {
    let (_folder, snapshot) = snapshot_of("first")?;
    let shown = run(&["inspect", text(&snapshot)?])?;
    for word in ["generation", "Hosts", "Directories"] {
        assert!(shown.contains(word), "no {word} in\n{shown}");
    }
    run(&["inspect", "--verify", text(&snapshot)?])?;
    Ok(())
}

#[test]
fn inspect_names_what_is_wrong_and_fails() -> Result<()> {
    let (folder, snapshot) = snapshot_of("first")?;
    let good = fs::read(&snapshot)?;
    let bad = folder.path().join("bad.snapshot");
    for at in (0..good.len()).step_by(good.len() / 40) {
        let mut bytes = good.clone();
        bytes[at] ^= 1;
        fs::write(&bad, &bytes)?;
        let error = run(&["inspect", "--verify", text(&bad)?]).err();
        let error = error.with_context(|| format!("byte {at} of {} was believed", good.len()))?;
        assert!(!format!("{error:#}").contains("panicked"), "{error:#}");
    }
    Ok(())
}

#[test]
fn explain_names_every_candidate() -> Result<()> {
    let (_folder, snapshot) = snapshot_of("first")?;
    let snapshot = ["--snapshot", text(&snapshot)?];
    let ask = ["--ip", "127.0.0.1", "--repo", "fedora-40", "--arch", "x86_64"];
    let plain = run(&[&["explain"], &snapshot[..], &ask].concat())?;
    assert!(plain.contains("first.example"), "{plain}");
    let json = run(&[&["explain", "--json"], &snapshot[..], &ask].concat())?;
    assert!(json.trim_start().starts_with('{') && json.contains("first.example"), "{json}");
    Ok(())
}

/// The real binary starts itself as a worker, which reports and does a job. What this machine does
/// not give is named; what every kernel has is in force.
#[test]
fn workers_say_what_they_are_kept_from() -> Result<()> {
    let table = run(&["workers", "--check"])?;
    for word in ["transport", "seccomp", "landlock", "namespaces"] {
        assert!(table.contains(word), "no {word} in\n{table}");
    }
    let json = run(&["workers", "--check", "--json"])?;
    let check: serde_json::Value = serde_json::from_str(&json)?;
    let layers = check["layers"].as_array().context("no layers")?;
    for always in ["descriptors", "parent-death", "undumpable", "no-new-privileges", "limits"] {
        let found = layers.iter().find(|layer| layer["layer"] == always).context(always)?;
        assert_eq!(found["in_force"], true, "{found}");
    }
    let missing = check["missing"].as_array().context("no list of what is missing")?;
    assert_eq!(run(&["workers", "--check", "--strict"]).is_ok(), missing.is_empty(), "{json}");
    assert!(run(&["workers"]).is_err(), "there is nothing to do without --check");
    Ok(())
}

#[test]
fn every_command_explains_itself() -> Result<()> {
    for command in [
        "compile",
        "serve",
        "capacity",
        "inspect",
        "explain",
        "workers",
        "demo",
        "init",
        "import",
        "publish",
        "rollback",
        "audit",
        "export",
        "site",
        "host",
        "category",
        "repo",
        "netblock",
        "completions",
        "man",
    ] {
        let help = run(&[command, "--help"])?;
        assert!(help.contains("Usage:"), "{command}: {help}");
    }
    Ok(())
}

/// The guide names what `--help` names; the options of `serve` have a page that is written from
/// them.
#[test]
fn the_guide_names_every_option() -> Result<()> {
    let pages = [
        (&["compile", "mirrormanager"][..], include_str!("../../../../docs/guide/compile.md")),
        (&["compile", "almalinux"], include_str!("../../../../docs/guide/compile.md")),
        (&["capacity"], include_str!("../../../../docs/guide/capacity.md")),
        (&["inspect"], include_str!("../../../../docs/guide/compile.md")),
        (&["explain"], include_str!("../../../../docs/guide/compile.md")),
        (&["import", "mirrormanager"], include_str!("../../../../docs/guide/catalog.md")),
        (&["import", "almalinux"], include_str!("../../../../docs/guide/catalog.md")),
        (&["publish"], include_str!("../../../../docs/guide/catalog.md")),
        (&["rollback"], include_str!("../../../../docs/guide/catalog.md")),
        (&["host", "edit"], include_str!("../../../../docs/guide/catalog.md")),
        (&["export", "mirrormanager-cache"], include_str!("../../../../docs/guide/catalog.md")),
        (&["import", "mirrorbits"], include_str!("../../../../docs/guide/catalog.md")),
        (&["export", "json"], include_str!("../../../../docs/guide/catalog.md")),
        (&["release"], include_str!("../../../../docs/guide/catalog.md")),
        (&["move-to-archive"], include_str!("../../../../docs/guide/catalog.md")),
        (&["emergency-expire"], include_str!("../../../../docs/guide/catalog.md")),
        (&["init"], include_str!("../../../../docs/guide/catalog.md")),
        (&["audit"], include_str!("../../../../docs/guide/catalog.md")),
        (&["workers"], include_str!("../../../../docs/guide/workers.md")),
    ];
    // How a store is reached has a page of its own.
    let stores = include_str!("../../../../docs/guide/many.md");
    for (command, page) in pages {
        let help = run(&[command, &["--help"]].concat())?;
        let options = help.lines().filter_map(|line| {
            let option = line.trim_start().split(' ').find(|word| word.starts_with("--"))?;
            line.trim_start().starts_with('-').then_some(option)
        });
        // What every command has is on the page about configuration.
        for option in options.filter(|option| !["--help", "--config"].contains(option)) {
            assert!(
                page.contains(option) || stores.contains(option),
                "{command:?} has {option}, which its page does not name"
            );
        }
    }
    Ok(())
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}
