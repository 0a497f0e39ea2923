//! The catalog, from another system's data to a server, on both engines.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use heliostat_exchange::mirrormanager;
use heliostat_model::{Directory, World};
use heliostat_testing_e2e::{Director, Network, Postgres, Response, binary, run, skip, wait_until};

use crate::fixture::{METALINK, MIRRORLIST};

#[test]
fn from_a_cache_to_a_server_on_sqlite() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    from_a_cache_to_a_server(folder.path(), text(&catalog)?)
}

#[test]
fn from_a_cache_to_a_server_on_postgres() -> Result<()> {
    let server = match Postgres::start()? {
        Ok(server) => server,
        Err(why) => return skip("from a cache to a server on PostgreSQL", &why),
    };
    let folder = tempfile::tempdir()?;
    from_a_cache_to_a_server(folder.path(), &server.url("postgres"))
}

fn from_a_cache_to_a_server(folder: &Path, catalog: &str) -> Result<()> {
    let to = folder.join("to");
    let publish = ["publish", "--once", "--catalog", catalog, "--to", text(&to)?];
    let error = run(&publish).expect_err("there is no catalog").to_string();
    assert!(error.contains("heliostat init"), "{error}");
    run(&["init", "--catalog", catalog])?;
    let first = cache(folder, "first")?;
    let import = |more: &[&str], cache: &Path| -> Result<String> {
        let from = ["import", "mirrormanager", "--catalog", catalog, "--cache", text(cache)?];
        run(&[&from, more].concat())
    };
    let shown = import(&["--dry-run"], &first)?;
    assert!(shown.contains("+ host first.example") && shown.contains("--dry-run"), "{shown}");
    assert!(import(&[], &first)?.contains("host"));
    assert_eq!(import(&[], &first)?, "nothing changed\n");
    assert!(run(&publish)?.contains("generation 1,"));

    let current = to.join("current.snapshot");
    let director = Director::start_ready(folder, &current, &["--seed", "1"])?;
    let compiled = folder.join("direct.snapshot");
    run(&["compile", "mirrormanager", "--cache", text(&first)?, "-o", text(&compiled)?])?;
    let direct = Director::start_ready(folder, &compiled, &["--seed", "1"])?;
    for target in [MIRRORLIST, METALINK, "/mirrorlist?repo=nothing&arch=x86_64"] {
        let (ours, theirs) = (director.get(target)?, direct.get(target)?);
        assert_eq!(ours.status, theirs.status, "{target}");
        assert_eq!(body(&ours), body(&theirs), "{target}");
    }

    // What goes out is what came in: the old servers answer as before.
    let out = folder.join("out.cache");
    run(&["export", "mirrormanager-cache", "--catalog", catalog, "-o", text(&out)?])?;
    let read =
        |path: &Path| mirrormanager::cache_read(&fs::read(path)?, &mut |_| {}).context("read");
    assert_eq!(read(&out)?.world, read(&first)?.world);

    let json = import(&["--json"], &cache(folder, "second")?)?;
    let renamed = json.lines().find(|line| line.contains("\"resource\":\"host\""));
    let renamed = renamed.context("no host changed")?;
    assert!(renamed.contains("first.example") && renamed.contains("second.example"), "{renamed}");
    run(&publish)?;
    serves(&director, "second.example")?;
    let back = run(&["rollback", "1", "--to", text(&to)?])?;
    assert!(back.contains("generation 3, which is generation 1 again"), "{back}");
    serves(&director, "first.example")?;
    let error = run(&["rollback", "99", "--to", text(&to)?]).expect_err("no such").to_string();
    assert!(error.contains("there are [1, 2, 3]"), "{error}");

    let trail = run(&["audit", "--catalog", catalog, "--resource", "host"])?;
    assert!(trail.contains("import:") && trail.contains("\"first.example\" -> "), "{trail}");
    Ok(())
}

/// What staff do all day, without any import.
#[test]
fn people_add_list_show_edit_and_remove() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    run(&["init", "--catalog", text(&catalog)?])?;
    let place = ["--catalog", text(&catalog)?];
    let call = |sort: &str, arguments: &[&str]| -> Result<String> {
        run(&[&[sort][..], &place, arguments].concat())
    };
    call("site", &["add", "University"])?;
    call("category", &["add", "EPEL", "--set", "top=pub/epel"])?;
    let mirrors = "mirrors=[{category = \"EPEL\", urls = [{url = \"https://m.example/epel\"}]}]";
    let sets = ["--set", "site=University", "--set", "country=XK", "--set", mirrors];
    let error = call("host", &[&["add", "m.example"][..], &sets].concat()).unwrap_err();
    assert!(format!("{error:#}").contains("there is no country XK"), "{error:#}");
    let sets = ["--set", "site=University", "--set", "country=SE", "--set", mirrors];
    let added = call("host", &[&["add", "m.example"][..], &sets].concat())?;
    assert!(added.starts_with("+ host m.example"), "{added}");
    let listed = call("host", &["list"])?;
    assert!(listed.contains("m.example  University  public"), "{listed}");
    let edited = call("host", &["edit", "m.example", "--set", "active_owner=false"])?;
    assert!(edited.contains("active_owner true -> false"), "{edited}");
    assert!(call("host", &["list"])?.contains("off (owner)"));
    let shown = call("host", &["show", "m.example"])?;
    assert!(shown.contains("url = \"https://m.example/epel\""), "{shown}");
    // What `show` prints is what `edit` takes.
    let file = folder.path().join("host.toml");
    fs::write(&file, shown.replace("bandwidth_mbit_s = 100", "bandwidth_mbit_s = 900"))?;
    let edited = call("host", &["edit", "m.example", "--file", text(&file)?])?;
    assert!(edited.contains("bandwidth_mbit_s 100 -> 900"), "{edited}");
    let mut command = Command::new(binary()?);
    command.args(["host", "edit", "m.example"]).args(place).env_remove("VISUAL");
    let done = command.env("EDITOR", "sed -i s/900/901/").output()?;
    assert!(String::from_utf8_lossy(&done.stdout).contains("900 -> 901"), "{done:?}");
    let json = call("host", &["show", "m.example", "--json"])?;
    assert!(json.contains("\"bandwidth_mbit_s\": 901"), "{json}");
    let error = call("host", &["edit", "m.example", "--set", "bandwith=1"]).unwrap_err();
    assert!(format!("{error:#}").contains("unknown field `bandwith`"), "{error:#}");
    let error = call("repo", &["add", "epel-9/x86_64", "--set", "directory=pub/x"]).unwrap_err();
    assert!(format!("{error:#}").contains("there is no directory pub/x"), "{error:#}");
    call("repo", &["add", "epel-9/x86_64"])?;
    call("repo", &["remove", "epel-9/x86_64"])?;
    let error = call("site", &["remove", "University"]).unwrap_err();
    assert!(format!("{error:#}").contains("it has 1 hosts"), "{error:#}");
    call("host", &["remove", "m.example"])?;
    call("site", &["remove", "University"])?;
    assert_eq!(call("site", &["list", "--json"])?.trim(), "[]");
    let trail = run(&[&["audit"][..], &place].concat())?;
    assert_eq!(trail.lines().count(), 1 + 10, "{trail}");
    Ok(())
}

/// What the guide tells people to type does what it says.
#[test]
fn the_guide_is_true() -> Result<()> {
    let guide = include_str!("../../../../docs/guide/catalog.md");
    let (_, people) = guide.split_once("## People's commands").context("the chapter")?;
    let (people, _) = people.split_once("## The trail").context("the chapter after it")?;
    let blocks = people.split("```").filter_map(|block| block.strip_prefix("sh\n"));
    let script = format!("set -eux\n{}", blocks.collect::<String>());
    ensure!(script.lines().count() > 25, "{script}");
    let folder = tempfile::tempdir()?;
    fs::write(folder.path().join("password.txt"), "correct horse\n")?;
    let programs = binary()?;
    let programs = text(programs.parent().context("no folder")?)?;
    let path = format!("{programs}:{}", std::env::var("PATH")?);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("heliostat init\n{script}heliostat audit --json")]);
    command.env("PATH", path).env("HELIOSTAT_CATALOG", "catalog.db").env("EDITOR", "true");
    let done = command.env_remove("VISUAL").current_dir(&folder).output()?;
    let said = String::from_utf8_lossy(&done.stdout);
    ensure!(done.status.success(), "{said}{}", String::from_utf8_lossy(&done.stderr));
    for (word, why) in [
        ("mirror.example  University  public  SE", "the host is listed"),
        ("active_admin true -> false", "it is switched off"),
        ("active_admin false -> true", "and on again"),
        ("continent = \"EU\"", "Sweden lies in Europe"),
        ("yes, it is operator's", "the password is known again"),
        ("operator/laptop, editor", "the token is known again"),
    ] {
        ensure!(said.contains(word), "{why}: {said}");
    }
    let secret = fs::read_to_string(folder.path().join("secret.txt"))?;
    ensure!(secret.len() == "heliostat_".len() + 64 + 1, "{secret}");
    ensure!(!said.contains("horse") && !said.contains("argon2"), "{said}");
    ensure!(!said.contains(secret.trim()), "{said}");
    Ok(())
}

/// A password that is none, a token that was removed: refused, and the status says so.
#[test]
fn wrong_secrets_are_refused() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    let place = ["--catalog", text(&catalog)?];
    let call = |arguments: &[&str]| run(&[arguments, &place].concat());
    call(&["init"])?;
    call(&["user", "add", "operator"])?;
    let file = folder.path().join("secret");
    let from = ["--file", text(&file)?];
    for (password, reason) in [("short", "at least 8"), (&"x".repeat(3_000), "at most 1024")] {
        fs::write(&file, password)?;
        let error = call(&[&["user", "password", "operator"][..], &from].concat()).unwrap_err();
        assert!(format!("{error:#}").contains(reason), "{error:#}");
    }
    fs::write(&file, "correct horse")?;
    call(&[&["user", "password", "operator"][..], &from].concat())?;
    fs::write(&file, "incorrect horse")?;
    let error =
        call(&[&["user", "password", "operator", "--check"][..], &from].concat()).unwrap_err();
    assert!(format!("{error:#}").contains("it is wrong"), "{error:#}");
    fs::write(&file, call(&["token", "add", "operator/laptop"])?)?;
    assert_eq!(call(&[&["token", "whose"][..], &from].concat())?, "operator/laptop, viewer\n");
    call(&["token", "remove", "operator/laptop"])?;
    let error = call(&[&["token", "whose"][..], &from].concat()).unwrap_err();
    assert!(format!("{error:#}").contains("it is wrong"), "{error:#}");
    Ok(())
}

#[test]
fn every_command_has_a_page_and_completes() -> Result<()> {
    let folder = tempfile::tempdir()?;
    run(&["man", text(folder.path())?])?;
    let page = fs::read_to_string(folder.path().join("heliostat-host-edit.1"))?;
    assert!(page.contains(".TH") && page.contains("EDITOR"), "{page}");
    let catalog = folder.path().join("catalog.db");
    run(&["init", "--catalog", text(&catalog)?, "--site", "Université", "--admin", "operator"])?;
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell])?;
        assert!(
            script.contains("HELIOSTAT_COMPLETE") && script.contains("heliostat"),
            "{shell}: {script}"
        );
        // As the script calls it: the words, and which of them is being written.
        let completes = |words: &[&str]| -> Result<Vec<String>> {
            let mut command = Command::new(binary()?);
            command.env("HELIOSTAT_COMPLETE", shell).env("HELIOSTAT_CATALOG", &catalog);
            command.env("_CLAP_IFS", "\n").env("_CLAP_COMPLETE_INDEX", words.len().to_string());
            command.env("_CLAP_COMPLETE_COMP_TYPE", "9").env("_CLAP_COMPLETE_SPACE", "true");
            let done = command.args(["--", "heliostat"]).args(words).output()?;
            ensure!(done.stderr.is_empty(), "{}", String::from_utf8_lossy(&done.stderr));
            let said = String::from_utf8_lossy(&done.stdout).into_owned();
            let first = |line: &str| line.split([':', '\t']).next().unwrap_or_default().to_owned();
            Ok(said.lines().map(|line| first(line).trim().to_owned()).collect())
        };
        assert_eq!(completes(&["rollb"])?, ["rollback"], "{shell}");
        assert_eq!(completes(&["site", "show", "Univ"])?, ["Université"], "{shell}");
        assert_eq!(completes(&["user", "password", "op"])?, ["operator"], "{shell}");
        assert_eq!(completes(&["country", "edit", "SE"])?, ["SE"], "{shell}");
        assert_eq!(completes(&["site", "add", "Univ"])?, [""; 0], "{shell}: a new name is new");
        let fields = completes(&["site", "edit", "Université", "--set", "active_"])?;
        assert_eq!(fields, ["active_admin=", "active_owner="], "{shell}");
        let versions = completes(&["move-to-archive", "--of-version", ""])?;
        assert_eq!(versions, [""; 0], "{shell}: there is none");
        assert_eq!(completes(&["--config", "x", "site", "remove", "no"])?, [""; 0], "{shell}");
    }
    Ok(())
}

/// What the catalog holds, for a script and for mirmon.
#[test]
fn it_is_exported_in_one_order() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let mut said = Vec::new();
    for round in 0..2 {
        let catalog = folder.path().join(format!("{round}.db"));
        let place = ["--catalog", text(&catalog)?];
        run(&[&["init"][..], &place].concat())?;
        let cache = cache(folder.path(), "first")?;
        let from = ["import", "mirrormanager", "--cache", text(&cache)?];
        run(&[&from[..], &place].concat())?;
        let file = folder.path().join("out.json");
        let to = ["export", "json", "--output", text(&file)?];
        run(&[&to[..], &place].concat())?;
        let json = fs::read_to_string(&file)?;
        assert_eq!(run(&[&["export", "json"][..], &place].concat())?, json);
        for word in ["\"version\": 1", "\"first.example\"", "\"repomd.xml\"", "\"current\""] {
            assert!(json.contains(word), "{word}: {json}");
        }
        said.push((json, run(&[&["export", "mirmon"][..], &place].concat())?));
    }
    assert_eq!(said[0], said[1]);
    let mirmon = folder.path().join("mirmon");
    fs::write(&mirmon, &said[0].1)?;
    let again = folder.path().join("again.db");
    let place = ["--catalog", text(&again)?];
    run(&[&["init"][..], &place].concat())?;
    let import = ["import", "mirrorbits", text(&mirmon)?];
    let shown = run(&[&import[..], &["--dry-run"], &place].concat())?;
    assert!(shown.contains("+ host ") && shown.contains("nothing was changed"), "{shown}");
    run(&[&import[..], &place].concat())?;
    assert_eq!(run(&[&import[..], &place].concat())?, "nothing changed\n");
    Ok(())
}

/// A foreign file is refused whole, and says where it is wrong.
#[test]
fn a_foreign_file_leaves_the_catalog_as_it_was() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    run(&["init", "--catalog", text(&catalog)?])?;
    let good = fs::read(cache(folder.path(), "first")?)?;
    let broken = folder.path().join("broken");
    fs::write(&broken, &good[..good.len() - 3])?;
    let import = |more: &[&str]| -> Result<String> {
        let from = ["import", "mirrormanager", "--catalog", text(&catalog)?, "--cache"];
        run(&[&from[..], &[text(&broken)?], more].concat())
    };
    let error = import(&["--strict"]).expect_err("it breaks off").to_string();
    assert!(error.contains("byte") && error.contains("nothing was written"), "{error}");
    // What is missing at its end would be taken for gone.
    let error = import(&[]).expect_err("it breaks off").to_string();
    assert!(error.contains("it breaks off"), "{error}");
    fs::write(&broken, "<html>")?;
    let error = import(&[]).expect_err("no cache").to_string();
    assert!(error.contains("is no MirrorManager cache"), "{error}");
    let trail = run(&["audit", "--catalog", text(&catalog)?])?;
    assert_eq!(trail.lines().count(), 1, "{trail}");

    // A list with no mirror in it takes away none.
    let list = |lines: &str| -> Result<String> {
        fs::write(&broken, lines)?;
        let from = ["import", "mirrorbits", text(&broken)?, "--catalog", text(&catalog)?];
        run(&from)
    };
    list("se\thttps://mirror1.example/pub/\toperator@mirror1.example\n")?;
    for lines in ["", "\0\n", "mb: command not found\n"] {
        let error = list(lines).expect_err("it is no list").to_string();
        assert!(error.contains("there is no mirror in"), "{error}");
    }
    assert!(run(&["host", "list", "--catalog", text(&catalog)?])?.contains("mirror1.example"));
    let neither = run(&["import", "mirrormanager", "--catalog", text(&catalog)?]);
    let neither = neither.expect_err("neither a cache nor a database").to_string();
    assert!(neither.contains("--cache <FILE>|--postgres <URL>"), "{neither}");
    Ok(())
}

/// `publish` without `--once` follows the catalog.
#[test]
fn publish_follows_the_catalog() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (catalog, to) = (folder.path().join("catalog.db"), folder.path().join("to"));
    run(&["init", "--catalog", text(&catalog)?])?;
    let mut command = Command::new(binary()?);
    command.args(["publish", "--interval-s", "1", "--catalog", text(&catalog)?]);
    let publisher = command.args(["--to", text(&to)?]).stdout(Stdio::null()).spawn()?;
    let mut publisher = Reaped(publisher);
    let generation = |number: &str| {
        let name = format!("heliostat.{number}.");
        let pointer = to.join("current.snapshot");
        wait_until(number, || {
            let found = fs::read_link(&pointer).unwrap_or_default();
            Ok(found.to_string_lossy().starts_with(&name).then_some(()))
        })
    };
    generation("1")?;
    let cache = cache(folder.path(), "first")?;
    run(&["import", "mirrormanager", "--catalog", text(&catalog)?, "--cache", text(&cache)?])?;
    generation("2")?;
    assert!(publisher.0.try_wait()?.is_none(), "it ended");
    Ok(())
}

/// Whenever an import or a publication is killed, catalog and snapshot are whole: old or new.
#[test]
fn killed_at_any_moment_everything_is_whole() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let catalog = folder.path().join("catalog.db");
    killed_at_any_moment(folder.path(), text(&catalog)?, 48)
}

#[test]
fn killed_at_any_moment_everything_is_whole_on_postgres() -> Result<()> {
    let server = match Postgres::start()? {
        Ok(server) => server,
        Err(why) => return skip("killed at any moment on PostgreSQL", &why),
    };
    let folder = tempfile::tempdir()?;
    killed_at_any_moment(folder.path(), &server.url("postgres"), 24)
}

fn killed_at_any_moment(folder: &Path, catalog: &str, kills: u32) -> Result<()> {
    let to = folder.join("to");
    run(&["init", "--catalog", catalog])?;
    let caches = [cache(folder, "first")?, cache(folder, "second")?];
    let publish = ["publish", "--once", "--catalog", catalog, "--to", text(&to)?];
    let begun = Instant::now();
    run(&publish)?;
    let took = begun.elapsed();
    let mut generation = 1;
    for round in 0..kills {
        let from = text(&caches[round as usize % 2])?;
        let import = ["import", "mirrormanager", "--catalog", catalog, "--cache", from];
        let arguments: &[&str] = if round % 4 < 2 { &import } else { &publish };
        let killed = killed_after(arguments, took * round / kills)?;
        if arguments[0] == "publish" && !killed {
            generation += 1;
        }
        // Whatever was left behind, the next ones work, and no number is skipped or given twice.
        run(&import)?;
        run(&["inspect", "--verify", text(&to.join("current.snapshot"))?])?;
        let said = run(&publish)?;
        let now: u64 = said
            .split("generation ")
            .nth(1)
            .and_then(|rest| rest.split(',').next()?.parse().ok())
            .with_context(|| said.clone())?;
        // A killed publication may have moved the pointer already.
        let possible = if killed && arguments[0] == "publish" { 1..=2 } else { 1..=1 };
        ensure!(possible.contains(&(now - generation)), "{generation}, then {now}");
        generation = now;
    }
    // The pointer names what is there, and the link leads to the last of it.
    run(&["inspect", "--verify", text(&to)?])?;
    let link = fs::read_link(to.join("current.snapshot"))?.to_string_lossy().into_owned();
    ensure!(link.starts_with(&format!("heliostat.{generation}.")), "{generation}: {link}");
    Ok(())
}

/// A disk that fills up: an error that says so, and everything is as it was.
#[test]
fn a_full_disk_loses_nothing() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let (catalog, to) = (folder.path().join("catalog.db"), folder.path().join("to"));
    let place = ["--catalog", text(&catalog)?];
    run(&[&["init"][..], &place].concat())?;
    let small = cache(folder.path(), "first")?;
    let publish = [&["publish", "--once", "--to", text(&to)?][..], &place].concat();
    let import = |cache: &str| -> Vec<String> {
        let words = [&["import", "mirrormanager", "--cache", cache][..], &place].concat();
        words.into_iter().map(str::to_owned).collect()
    };
    run(&import(text(&small)?))?;
    run(&publish)?;
    let mut world = network("first")?.world()?;
    for at in 0..2_000 {
        let name = format!("pub/{at}");
        world.directories.push(Directory { name, ..world.directories[0].clone() });
    }
    let large = written(&world, folder.path(), "large")?;
    let large = import(text(&large)?);
    let trail = || run(&[&["audit"][..], &place].concat());
    let before = trail()?;
    let said = on_a_full_disk(&large.iter().map(String::as_str).collect::<Vec<_>>())?;
    assert!(said.contains("SQLite: "), "{said}");
    assert_eq!(trail()?, before);
    // Now there is room for the catalog, but none for the snapshot.
    run(&large)?;
    let said = on_a_full_disk(&publish)?;
    assert!(said.contains("the snapshot was not written; the one before it stays"), "{said}");
    assert!(said.contains("File too large"), "{said}");
    let left = fs::read_dir(&to)?.filter(|entry| entry.as_ref().is_ok_and(is_snapshot)).count();
    assert_eq!(left, 2, "the first generation and the link to it");
    run(&["inspect", "--verify", text(&to.join("current.snapshot"))?])?;
    assert!(run(&publish)?.contains("generation 2,"));
    Ok(())
}

fn is_snapshot(entry: &fs::DirEntry) -> bool {
    let name = entry.file_name().to_string_lossy().into_owned();
    name.ends_with(".snapshot") || name.ends_with(".making")
}

/// Runs a command where no file can grow beyond 64 blocks (32 KiB, or 64 with some shells), and gives what it said when it failed.
fn on_a_full_disk(arguments: &[&str]) -> Result<String> {
    let mut command = Command::new("sh");
    command.args(["-c", "trap '' XFSZ; ulimit -f 64; exec \"$@\"", "sh"]).arg(binary()?);
    let done = command.args(arguments).output()?;
    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    ensure!(!done.status.success(), "it found room");
    Ok(said)
}

/// Runs a command and kills it after a while; whether it was still running.
fn killed_after(arguments: &[&str], after: Duration) -> Result<bool> {
    let mut command = Command::new(binary()?);
    let child = command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
    let mut child = Reaped(child);
    std::thread::sleep(after);
    child.0.kill()?;
    Ok(!child.0.wait()?.success())
}

/// A process that does not outlive its test.
struct Reaped(std::process::Child);

impl Drop for Reaped {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn serves(director: &Director, mirror: &str) -> Result<()> {
    wait_until(mirror, || Ok(body(&director.get(MIRRORLIST)?).contains(mirror).then_some(())))
}

/// A cache of a network of one mirror.
fn cache(folder: &Path, mirror: &str) -> Result<PathBuf> {
    written(&network(mirror)?.world()?, folder, mirror)
}

fn network(mirror: &str) -> Result<Network> {
    let name = format!("{mirror}.example");
    Network::default()
        .with_mirror(&name, &format!("http://{name}/linux"))
        .with_repomd(b"a document")
}

/// The cache of a world, as a file.
fn written(world: &World, folder: &Path, name: &str) -> Result<PathBuf> {
    let path = folder.join(format!("{name}.cache"));
    let mut file = BufWriter::new(File::create(&path)?);
    mirrormanager::cache_write(world, &mut file)?;
    file.flush()?;
    Ok(path)
}

/// A body without the time of the answer.
fn body(response: &Response) -> String {
    let lines = response.body.lines().filter(|line| !line.contains("pubdate="));
    lines.collect::<Vec<_>>().join("\n")
}

fn text(path: &Path) -> Result<&str> {
    path.to_str().context("the path is no text")
}
