//! What the container gives, and what compiling does with too little of it.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use anyhow::{Context, Result, ensure};
use heliostat_testing_e2e::{binary, run, skip};

use crate::fixture::cache_of;

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
    let Some(group) = Group::make()? else {
        return skip(what, "needs root and the memory controller of control groups version 1");
    };
    let folder = tempfile::tempdir()?;
    let compile = Compile::of(folder.path())?;
    let (mut refused, mut done) = (0, 0);
    for limit_mib in [10, 12, 14, 16, 20, 24, 32, 48, 64] {
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
        if limit_mib == 12 {
            let group_file = group.path.join("memory.limit_in_bytes");
            assert!(said.contains(&*group_file.to_string_lossy()), "whose limit? {said}");
        }
    }
    assert!(refused >= 3 && done >= 3, "{refused} refused, {done} done");
    Ok(())
}

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
    fn make() -> Result<Option<Group>> {
        let root = Path::new("/sys/fs/cgroup/memory");
        let path = root.join(format!("heliostat-e2e-{}", std::process::id()));
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
        let procs = self.path.join("cgroup.procs");
        let mut inside = Command::new("sh");
        inside.args(["-c", "echo $$ > \"$0\" && exec \"$@\""]).arg(procs);
        inside.arg(command.get_program()).args(command.get_args());
        inside.output().context("cannot run it in the group")
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = fs::remove_dir(&self.path);
    }
}
