//! One file for all commands, the environment over it, the command line over both.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{binary, run};

struct Run {
    folder: tempfile::TempDir,
}

impl Run {
    fn with(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<Output> {
        let mut command = Command::new(binary()?);
        command.arg("--config").arg("heliostat.toml").args(arguments);
        command.envs(variables.iter().copied()).current_dir(&self.folder);
        command.output().context("cannot start")
    }

    fn out(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Result<String> {
        let output = self.with(arguments, variables)?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "{arguments:?}: {said}");
        Ok(String::from_utf8_lossy(&output.stdout).into_owned())
    }
}

#[test]
fn one_file_for_all_commands() -> Result<()> {
    let run = Run { folder: tempfile::tempdir()? };
    let file = run.folder.path().join("heliostat.toml");
    let secret = run.folder.path().join("secret");
    fs::write(&secret, "catalog.db\n")?;
    fs::write(&file, "catalog_file = \"secret\"\n\n[publish]\nto = \"snapshots\"\nkeep = 7\n")?;
    assert_eq!(run.out(&["config", "check"], &[])?, "heliostat.toml: 3 settings, no problem\n");
    run.out(&["init"], &[])?;
    run.out(&["site", "add", "University"], &[])?;
    // What `publish` needs comes from the file.
    assert!(run.out(&["publish", "--once"], &[])?.starts_with("snapshots: generation 1, "));
    let keep = [("HELIOSTAT_PUBLISH_KEEP", "9"), ("HELIOSTAT_CATALOG", "postgres://a:b@db/x")];
    let shown = run.out(&["config", "show", "publish", "--to", "elsewhere"], &keep)?;
    let line = |name: &str| {
        let found = shown.lines().find(|line| line.split_whitespace().next() == Some(name));
        found.map(|line| line.split_whitespace().skip(1).collect::<Vec<_>>().join(" "))
    };
    for (name, expected) in [
        ("catalog", "postgres://a:********@db/x environment HELIOSTAT_CATALOG"),
        ("catalog_file", "secret heliostat.toml:1"),
        ("publish.to", "elsewhere command line"),
        ("publish.keep", "9 environment HELIOSTAT_PUBLISH_KEEP"),
        ("publish.interval_s", "2 default"),
    ] {
        assert_eq!(line(name).as_deref(), Some(expected), "{shown}");
    }
    assert_eq!(line("serve.listen"), None, "publish is not told where to listen");
    assert!(run.out(&["config", "show"], &[])?.contains("heliostat.toml:5"));
    // The environment is over the file.
    let missing = run.with(&["site", "list"], &[("HELIOSTAT_CATALOG", "missing.db")])?;
    assert!(String::from_utf8_lossy(&missing.stderr).contains("missing.db"));
    Ok(())
}

#[test]
fn a_wrong_file_is_told_line_by_line() -> Result<()> {
    let run = Run { folder: tempfile::tempdir()? };
    let file = run.folder.path().join("heliostat.toml");
    fs::write(&file, "[serve]\nlisten = [\"nowhere\"]\n\n[publish]\nkeeep = 3\n")?;
    for arguments in [&["config", "check"][..], &["cpus"]] {
        let output = run.with(arguments, &[])?;
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{said}");
        for line in [
            "heliostat.toml:2: serve.listen: invalid value 'nowhere'",
            "heliostat.toml:5: publish.keeep: there is no such setting",
        ] {
            assert!(said.contains(line), "{said}");
        }
    }
    let missing = run.with(&["--config", "missing.toml", "cpus"], &[])?;
    assert!(String::from_utf8_lossy(&missing.stderr).contains("missing.toml"));
    Ok(())
}

#[test]
fn the_example_is_a_file() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("heliostat.toml");
    fs::write(&file, run(&["config", "example"])?)?;
    let checked = run(&["config", "check", file.to_str().context("no text")?])?;
    assert!(checked.ends_with("0 settings, no problem\n"), "{checked}");
    Ok(())
}
