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
        let known = ["1", "true", "\"x\"", "[\"127.0.0.1:1\"]", "[\"10.0.0.0/8\"]"];
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
