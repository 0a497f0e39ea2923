//! What the container gives, and what commands and servers do with too little of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{Director, address_unused, binary, run, skip, wait_until};

use crate::fixture::{MIRRORLIST, cache_of, compile_one, replace, snapshot_of};

#[test]
fn capacity_names_the_file_of_every_bound() -> Result<()> {
    let shown = run(&["capacity", "--headroom", "25%"])?;
    for word in ["CPU", "memory", "headroom", "25.0 %", "/proc/meminfo", "* "] {
        assert!(shown.contains(word), "no {word} in\n{shown}");
    }
    let json = run(&["capacity", "--json"])?;
    for word in ["cpu_milli", "memory_limit_bytes", "headroom", "policy", "bounds", "\"source\""] {
        assert!(json.contains(word), "no {word} in\n{json}");
    }
    Ok(())
}

#[test]
fn without_memory_compiling_says_what_it_lacks() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let compile = Compile::of(folder.path())?;
    let output = compile.with(&["--memory", "8M"]).output()?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(3), "{said}");
    for word in ["not enough memory", "MiB of memory are needed", "the limit is 8 MiB"] {
        assert!(said.contains(word), "no {word} in\n{said}");
    }
    assert!(!compile.snapshot.exists());
    ensure!(compile.with(&["--memory", "64M"]).output()?.status.success());
    assert!(compile.snapshot.exists());
    Ok(())
}

/// In a group of its own with a real limit: it is refused with words, or it ends well; the kernel
/// never has to kill it, whatever the limit, if the program itself can start in it.
#[test]
fn in_a_small_container_it_is_never_killed() -> Result<()> {
    let what = "capacity::in_a_small_container_it_is_never_killed";
    let Some(group) = Group::make("compile")? else { return skip(what, NEEDS) };
    let folder = tempfile::tempdir()?;
    let compile = Compile::of(folder.path())?;
    let (mut refused, mut done) = (0, 0);
    for limit_mib in [16, 18, 20, 24, 32, 48, 64] {
        group.limit(limit_mib << 20)?;
        let output = group.run(&mut compile.with(&["--memory-wait-s", "0"]))?;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(0) => done += 1,
            Some(3) => {
                refused += 1;
                assert!(said.contains("not enough memory"), "{limit_mib} MiB: {said}");
            }
            _ => panic!("{limit_mib} MiB: {}: {said}", output.status),
        }
        if limit_mib == 16 {
            let group_file = group.path.join("memory.limit_in_bytes");
            assert!(said.contains(&*group_file.to_string_lossy()), "whose limit? {said}");
        }
    }
    assert!(refused >= 2 && done >= 3, "{refused} refused, {done} done");
    Ok(())
}

/// The same with a catalog: filling it and publishing it.
#[test]
fn with_a_catalog_in_a_small_container_nothing_is_killed() -> Result<()> {
    let what = "capacity::with_a_catalog_in_a_small_container_nothing_is_killed";
    let Some(group) = Group::make("catalog")? else { return skip(what, NEEDS) };
    let folder = tempfile::tempdir()?;
    let place = |name: &str| folder.path().join(name).to_string_lossy().into_owned();
    let (cache, catalog, store) = (cache_of("first", folder.path())?, place("c.db"), place("to"));
    let cache = cache.to_string_lossy().into_owned();
    run(&["init", "--catalog", &catalog])?;
    let import = ["import", "mirrormanager", "--cache", &cache, "--catalog", &catalog];
    let publish = ["publish", "--catalog", &catalog, "--to", &store, "--once"];
    for arguments in [&import[..], &publish] {
        let (mut refused, mut done) = (0, 0);
        for limit_mib in [16, 18, 20, 24, 32, 48] {
            group.limit(limit_mib << 20)?;
            let mut command = Command::new(binary()?);
            command.args(arguments).args(["--memory-wait-s", "0"]);
            let output = group.run(&mut command)?;
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            match output.status.code() {
                Some(0) => done += 1,
                Some(3) if said.contains("not enough memory") => refused += 1,
                _ => panic!("{arguments:?} in {limit_mib} MiB: {}: {said}", output.status),
            }
        }
        assert!(refused >= 1 && done >= 2, "{arguments:?}: {refused} refused, {done} done");
    }
    Ok(())
}

/// A file that is too large to be checked here waits, and the answers go on from the old one; it is
/// looked at when there is room.
#[test]
fn a_reload_without_room_waits_and_answers_go_on() -> Result<()> {
    let what = "capacity::a_reload_without_room_waits_and_answers_go_on";
    let Some(group) = Group::make("reload")? else { return skip(what, NEEDS) };
    group.limit(96 << 20)?;
    let (folder, snapshot) = snapshot_of("first")?;
    let address = address_unused();
    let mut serve = Command::new(binary()?);
    serve.args(["serve", "--listen", &address.to_string(), "--snapshot"]).arg(&snapshot);
    let director = Director::spawn(folder.path(), address, &mut group.inside(&serve))?;
    wait_until("ready", || Ok((director.get("/readyz")?.status == 200).then_some(())))?;
    let large = folder.path().join("large");
    File::create(&large)?.set_len(128 << 20)?;
    replace(&large, &snapshot)?;
    let says = |words: &'static str| {
        wait_until(words, || {
            assert!(director.get(MIRRORLIST)?.body.contains("first.example"));
            Ok(director.said().contains(words).then_some(()))
        })
    };
    says("no room to check the new snapshot")?;
    assert!(!director.said().contains("refused; the current one stays"), "{}", director.said());
    // With room it is looked at, and is no snapshot.
    group.limit(1 << 30)?;
    says("new snapshot refused; the current one stays")?;
    replace(&compile_one("second", folder.path(), "next")?, &snapshot)?;
    wait_until("the new one", || {
        Ok(director.get(MIRRORLIST)?.body.contains("second.example").then_some(()))
    })?;
    director.stop()?;
    Ok(())
}

const NEEDS: &str = "needs root and the memory controller of control groups version 1";

/// A command that compiles a small cache.
struct Compile {
    cache: PathBuf,
    snapshot: PathBuf,
}

impl Compile {
    fn of(folder: &Path) -> Result<Compile> {
        let cache = cache_of("first", folder)?;
        Ok(Compile { cache, snapshot: folder.join("made.snapshot") })
    }

    fn with(&self, options: &[&str]) -> Command {
        let mut command = Command::new(binary().expect("the binary can be built"));
        command.args(["compile", "mirrormanager", "--cache"]).arg(&self.cache);
        command.arg("-o").arg(&self.snapshot).args(options);
        command
    }
}

/// A control group with a memory limit, gone when it is dropped.
struct Group {
    path: PathBuf,
}

impl Group {
    /// None where there is no such thing, or not for us.
    fn make(name: &str) -> Result<Option<Group>> {
        let root = Path::new("/sys/fs/cgroup/memory");
        let path = root.join(format!("heliostat-e2e-{name}-{}", std::process::id()));
        if fs::create_dir(&path).is_err() {
            return Ok(None);
        }
        let group = Group { path };
        let there = group.path.join("memory.limit_in_bytes").exists();
        Ok(there.then_some(group))
    }

    fn limit(&self, bytes: u64) -> Result<()> {
        // What earlier runs left in the page cache would be in the way of a smaller limit.
        let _ = fs::write(self.path.join("memory.force_empty"), "0");
        let file = self.path.join("memory.limit_in_bytes");
        fs::write(&file, bytes.to_string()).with_context(|| format!("{}", file.display()))
    }

    /// Runs a command inside.
    fn run(&self, command: &mut Command) -> Result<Output> {
        self.inside(command).output().context("cannot run it in the group")
    }

    /// The command that runs a command inside.
    fn inside(&self, command: &Command) -> Command {
        let procs = self.path.join("cgroup.procs");
        let mut inside = Command::new("sh");
        inside.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(procs);
        inside.arg(command.get_program()).args(command.get_args());
        inside
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}
