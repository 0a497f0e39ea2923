//! The file, the environment and arguments mean the same, and the page about them is true.

use std::collections::BTreeSet;

use clap::CommandFactory;

use super::command::example;
use super::file::{File, problems};
use super::setting::{masked, settings};
use super::{dressed, parse};
use crate::{Args, Command};

/// What `serve` would do with the text of a file and these arguments.
fn serve(text: &str, arguments: &[&str]) -> crate::ServePlan {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliostat.toml");
    std::fs::write(&path, text).unwrap();
    let config = path.to_str().unwrap();
    let line =
        ["heliostat", "serve", "--config", config].into_iter().chain(arguments.iter().copied());
    let args = parse(line.map(Into::into)).unwrap();
    let Command::Serve(options) = args.command else { panic!("not serve") };
    options.plan(0).unwrap()
}

#[test]
fn the_command_line_wins_over_the_file() {
    let text = "[serve]\nsnapshot = \"file\"\nhosts_min = 7\nheaders_max = 9\n\
                listen = [\"127.0.0.1:1\", \"[::1]:2\"]\n";
    let plan = serve(text, &["--hosts-min", "3"]);
    assert_eq!(plan.snapshot.to_str(), Some("file"));
    assert_eq!((plan.settings.policy.hosts_min, plan.settings.limits.headers_max), (3, 9));
    assert_eq!(plan.listen.len(), 2);
    let plan = serve(text, &["--listen", "127.0.0.1:3"]);
    assert_eq!(plan.listen, ["127.0.0.1:3".parse().unwrap()], "a list is replaced as a whole");
}

#[test]
fn every_wrong_line_is_told() {
    let text = "catalogue = \"x\"\nhosts_min = 5\n[serve]\nlisten = \"127.0.0.1\"\nhosts_min = []\n\
                idle_timeout_s = -1\n[serv]\na = 1\n[publish]\nkeep = 0\n";
    let expected = [
        "heliostat.toml:1: catalogue: there is no such setting",
        "heliostat.toml:2: hosts_min: there is no such setting here; there is serve.hosts_min",
        "heliostat.toml:4: serve.listen: invalid value '127.0.0.1': invalid socket address syntax",
        "heliostat.toml:5: serve.hosts_min: it must be a text, a number or a truth value",
        "heliostat.toml:6: serve.idle_timeout_s: invalid value '-1': invalid digit found in string",
        "heliostat.toml:7: serv: there is no such section",
        "heliostat.toml:10: publish.keep: invalid value '0': 0 is not in 1..=65535",
    ];
    assert_eq!(problems(text), expected);
    let broken = problems("[serve]\nlisten = [\n");
    assert!(broken[0].starts_with("heliostat.toml:"), "{broken:?}");
}

#[test]
fn a_secret_comes_from_a_file() {
    let folder = tempfile::tempdir().unwrap();
    let secret = folder.path().join("secret");
    std::fs::write(&secret, "postgres://heliostat:correct-horse@db.example/net\nmore\n").unwrap();
    let config = folder.path().join("heliostat.toml");
    let place = |text: &str, arguments: &[&str]| {
        std::fs::write(&config, text).unwrap();
        let config = config.to_str().unwrap();
        let line =
            ["heliostat", "--config", config, "init"].into_iter().chain(arguments.iter().copied());
        let args = parse(line.map(Into::into)).unwrap();
        let Command::Ending(crate::args::Ending::Init(args)) = args.command else { panic!() };
        args.catalog.place().unwrap()
    };
    let named = format!("catalog_file = {:?}\n", secret.to_str().unwrap());
    let url = "postgres://heliostat:correct-horse@db.example/net";
    let server = heliostat_catalog::Place::Server(url.to_owned());
    assert_eq!(place(&named, &[]), server);
    assert_eq!(place(&named, &["--catalog", "x.db"]), "x.db".parse().unwrap());
    let both = format!("catalog = \"y.db\"\n{named}");
    assert_eq!(place(&both, &[]), "y.db".parse().unwrap(), "the value wins over its file");
    let flag = ["--catalog-file", secret.to_str().unwrap()];
    assert_eq!(place("catalog = \"y.db\"\n", &flag), server);
}

#[test]
fn passwords_are_hidden() {
    for (value, shown) in [
        (
            "postgres://heliostat:correct@db.example:5432/n",
            "postgres://heliostat:********@db.example:5432/n",
        ),
        ("postgres://a:b@c@db.example/n", "postgres://a:********@db.example/n"),
        ("postgres://heliostat@db.example/n", "postgres://heliostat@db.example/n"),
        ("/var/lib/a:b@c.db", "/var/lib/a:b@c.db"),
        ("postgres://db.example/n?x=a:b@c", "postgres://db.example/n?x=a:b@c"),
    ] {
        assert_eq!(masked(value), shown);
    }
}

#[test]
fn the_example_says_every_setting() {
    let example = example();
    assert_eq!(problems(&example), [""; 0]);
    let said: String = example
        .lines()
        .map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')).unwrap_or(line))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(problems(&said), [""; 0], "{said}");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("heliostat.toml");
    std::fs::write(&path, &said).unwrap();
    let file = File::read(Some(&path)).unwrap();
    let all = settings(&Args::command());
    assert_eq!(file.values.len(), all.len());
    dressed(&file).debug_assert();
    let names: BTreeSet<String> = all.iter().map(|setting| setting.variable()).collect();
    assert_eq!(names.len(), all.len(), "two settings have one variable");
    assert!(all.iter().all(|setting| !setting.help().is_empty()));
}

/// The page describes the settings: run with `UPDATE_EXPECT=1` to write it anew.
#[test]
fn the_page_about_settings_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../docs/guide/configuration.md");
    let page = std::fs::read_to_string(path).unwrap();
    let (prose, table) = page.split_once(MARK).expect("the mark in the page");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        std::fs::write(path, format!("{prose}{MARK}{}", page_of_settings())).unwrap();
    } else {
        assert_eq!(table, page_of_settings(), "run with UPDATE_EXPECT=1 to write the table anew");
    }
}

const MARK: &str = "<!-- What follows is written by a test in crates/operate/cli/src/config. -->\n";

fn page_of_settings() -> String {
    let mut text = String::new();
    let mut section = Some("");
    for setting in settings(&Args::command()) {
        if setting.section != section {
            section = setting.section;
            let title = section.map_or("For all commands".to_owned(), |name| format!("`[{name}]`"));
            text += &format!("\n## {title}\n\n| setting | option | meaning |\n|---|---|---|\n");
        }
        let (key, value) = (&setting.key, setting.value_name());
        let help = setting.help().replace('|', "\\|");
        let default = setting.default().filter(|_| !help.contains("[default"));
        let default = default.map_or(String::new(), |default| format!(" [default: {default}]"));
        let option = key.replace('_', "-");
        text += &format!("| `{key}` | `--{option} {value}` | {help}{default} |\n");
    }
    text
}
