//! Arguments and the file mean the same.

use clap::{CommandFactory, Parser};

use crate::args::{Args, Command};
use crate::serve_options::{self, ServeOptions};

#[test]
fn the_command_line_is_sound() {
    Args::command().debug_assert();
}

#[test]
fn every_option_of_serve_is_in_the_file_too() {
    let command = Args::command();
    let serve = command.find_subcommand("serve").unwrap();
    for argument in
        serve.get_arguments().filter(|a| !matches!(a.get_id().as_str(), "config" | "help"))
    {
        let name = argument.get_id().as_str();
        let known =
            ["1", "true", "\"x\"", "\"127.0.0.1:1\"", "[\"127.0.0.1:1\"]", "[\"10.0.0.0/8\"]"];
        let understood =
            known.iter().any(|value| serve_options::parse(&format!("{name} = {value}")).is_ok());
        assert!(understood, "{name} cannot be set in the file");
        assert!(argument.get_help().is_some(), "{name} has no help");
    }
}

#[test]
fn the_command_line_wins_over_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliostat.toml");
    std::fs::write(&path, "snapshot = \"file\"\nhosts_min = 7\nheaders_max = 9\n").unwrap();
    let config = path.to_str().unwrap();
    let args = ["heliostat", "serve", "--config", config, "--hosts-min", "3"];
    let Command::Serve(options) = Args::parse_from(args).command else { panic!("not serve") };
    let plan = options.plan(0).unwrap();
    assert_eq!(plan.snapshot.to_str(), Some("file"));
    assert_eq!(plan.settings.policy.hosts_min, 3);
    assert_eq!(plan.settings.limits.headers_max, 9);
}

#[test]
fn a_wrong_file_says_where() {
    let error = serve_options::parse("listen = [\"127.0.0.1\"]\n").unwrap_err();
    assert!(error.to_string().contains("line 1, column"), "{error}");
    assert!(serve_options::parse("lisen = []").unwrap_err().to_string().contains("lisen"));
    assert!(ServeOptions::default().plan(0).unwrap_err().to_string().contains("--snapshot"));
}

/// The page describes the options: run with `UPDATE_EXPECT=1` to write it anew.
#[test]
fn the_page_about_options_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/guide/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (prose, table) = page.split_once(MARK).expect("the mark in the page");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{prose}{MARK}{}", options())).unwrap();
    } else {
        assert_eq!(table, options(), "run with UPDATE_EXPECT=1 to write the table anew");
    }
}

const MARK: &str =
    "<!-- What follows is written by a test from crates/operate/cli/src/serve_options.rs. -->\n";

fn options() -> String {
    let command = Args::command();
    let serve = command.find_subcommand("serve").unwrap();
    let mut text = "\n| option | in the file | meaning |\n|---|---|---|\n".to_owned();
    for argument in serve.get_arguments().filter(|a| a.get_id() != "help") {
        let name = argument.get_id().as_str();
        let value = argument.get_value_names().and_then(|names| names.first()).unwrap();
        let file = if name == "config" { String::new() } else { format!("`{name}`") };
        let help = argument.get_help().unwrap().to_string().replace('|', "\\|");
        text += &format!("| `--{} {value}` | {file} | {help} |\n", name.replace('_', "-"));
    }
    text
}
