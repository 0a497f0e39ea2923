//! The sandbox, layer by layer: what is refused, what is needed, what is said when it is missing.

use std::time::{Duration, Instant};

use heliostat_workers::sandbox::{RULES, When};
use heliostat_workers::{Cause, Job, Layer, Need, Pool, Retry, Sandbox, Settings, State};

use crate::escape::ATTEMPTS;
use crate::support::{PATIENCE, pipes, pool, run, sandbox, settings, skip, transports};
use crate::tests;
use crate::worker::{ABORT, ESCAPE, EXIT, HONEST, PANIC, SUM};

tests!(
    every_escape_is_refused,
    landlock_and_limits_alone,
    every_rule_is_needed,
    the_report_says_what_is_in_force,
    a_missing_layer_is_fatal_if_required,
    namespaces_of_its_own,
    a_cgroup_when_one_is_given,
    the_environment_is_empty,
    only_own_descriptors,
);

fn is_here(layer: Layer, pool: &Pool) -> bool {
    matches!(pool.report().state(layer), State::InForce(_))
}

fn every_escape_is_refused() {
    run(async {
        for settings in transports() {
            let pool = pool(Settings { retry: Retry::Never, ..settings });
            pool.check().await.unwrap();
            if !is_here(Layer::Seccomp, &pool) {
                return skip("escapes", "there is no seccomp");
            }
            for attempt in ATTEMPTS {
                let error = pool.call(Job::new(*attempt).kind(ESCAPE)).await.expect_err(attempt);
                assert_eq!(error.cause(), Some(&Cause::Forbidden), "{attempt}: {error}");
            }
        }
    });
}

/// Without seccomp the other layers still refuse what they are for.
fn landlock_and_limits_alone() {
    run(async {
        let sandbox = Sandbox { seccomp: Need::Off, ..Sandbox::best_effort() };
        let pool = pool(Settings { sandbox, ..settings() });
        pool.check().await.unwrap();
        if !is_here(Layer::Landlock, &pool) {
            return skip("landlock alone", "there is no landlock");
        }
        for attempt in ["open", "openat-proc", "exec", "kill-parent"] {
            let reply = pool.call(Job::new(attempt).kind(ESCAPE)).await.unwrap();
            let text = String::from_utf8_lossy(reply.bytes()).into_owned();
            assert!(text.starts_with("refused"), "{attempt}: {text}");
        }
    });
}

/// Takes each rule away, and shows that something honest stops working.
fn every_rule_is_needed() {
    run(async {
        for (settings, mode) in [(settings(), When::Ring), (pipes(), When::Pipes)] {
            for rule in RULES.iter().filter(|rule| [When::Always, mode].contains(&rule.when)) {
                let without = Sandbox { without: vec![rule.name.into()], ..sandbox(Need::Require) };
                let retry = Retry::Never;
                let pool =
                    pool(Settings { sandbox: without, retry, spin: SPIN, ..settings.clone() });
                needs(&pool, rule.name).await;
            }
        }
    });
}

const SPIN: Duration = Duration::from_micros(1);

/// Does what needs a rule until a worker has died of it. Some calls come between two jobs, when
/// nobody is to blame; then the count tells.
async fn needs(pool: &Pool, rule: &str) {
    let began = Instant::now();
    while pool.counts().forbidden == 0 {
        assert!(began.elapsed() < PATIENCE, "{rule} is idle: {:?}", pool.counts());
        let job = match rule {
            "gettid" | "futex" => Job::new("a panic").kind(PANIC),
            "getpid" | "rt_sigprocmask" | "tgkill" => Job::new("").kind(ABORT),
            "exit_group" => Job::new("0").kind(EXIT),
            "recvmsg" | "close" => Job::new(vec![1; 100_000]).kind(SUM),
            rule => Job::new(rule.to_owned()).kind(HONEST),
        };
        if let Err(error) = pool.call(job).await
            && error.is_launch()
            && error.to_string().contains("signal 31")
        {
            // Without `write` not even the first word comes out. Any other launch that fails was
            // too slow, on a machine that has other things to do.
            assert_eq!(rule, "write", "{error}");
            return;
        }
        // The worker may want to sleep.
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn the_report_says_what_is_in_force() {
    run(async {
        for settings in transports() {
            let pool = pool(settings);
            let report = pool.check().await.unwrap();
            for layer in
                [Layer::Descriptors, Layer::NoNewPrivileges, Layer::Limits, Layer::Undumpable]
            {
                assert!(report.is_in_force(layer), "{report}");
            }
            assert_eq!(report.state(Layer::Namespaces), State::Off);
            assert_eq!(report.layers.len(), Layer::ALL.len());
            let off = Settings { sandbox: Sandbox::none(), ..crate::support::settings() };
            let report = Pool::start(off).unwrap().check().await.unwrap();
            assert_eq!(report.state(Layer::Seccomp), State::Off);
        }
    });
}

/// Features of the kernel are switched off by a filter that answers as an old kernel does: the
/// policy says whether there is no worker then, or one without.
fn a_missing_layer_is_fatal_if_required() {
    run(async {
        for (missing, layer) in [
            ("no-landlock", Layer::Landlock),
            ("no-seccomp", Layer::Seccomp),
            ("no-unshare", Layer::Namespaces),
            ("no-prctl", Layer::Undumpable),
        ] {
            for need in [Need::Require, Need::Prefer] {
                let program = heliostat_workers::Program::itself(["worker", missing]);
                let mut sandbox = Sandbox::best_effort();
                match layer {
                    Layer::Landlock => sandbox.landlock = need,
                    Layer::Seccomp => sandbox.seccomp = need,
                    Layer::Namespaces => sandbox.namespaces = need,
                    _ => sandbox.basics = need,
                }
                let pool = pool(Settings { program, sandbox, ..settings() });
                let result = pool.call(Job::new("abc")).await;
                if need == Need::Require {
                    let error = result.unwrap_err();
                    assert!(error.is_launch(), "{missing}: {error}");
                    // The first layer in order that is not to be had is the one that is named.
                    let named = error.to_string();
                    let first = if missing == "no-prctl" { Layer::ParentDeath } else { layer };
                    assert!(named.contains(first.name()), "{missing}: {named}");
                    assert!(pool.check().await.unwrap_err().is_launch());
                } else {
                    assert_eq!(result.unwrap().bytes(), b"cba", "{missing}");
                    assert!(matches!(pool.report().state(layer), State::Absent(_)), "{missing}");
                }
            }
        }
    });
}

fn namespaces_of_its_own() {
    run(async {
        let sandbox = Sandbox { namespaces: Need::Prefer, ..Sandbox::best_effort() };
        let pool = pool(Settings { sandbox, ..settings() });
        assert_eq!(pool.call(Job::new("abc")).await.unwrap().bytes(), b"cba");
        if let State::Absent(why) = pool.report().state(Layer::Namespaces) {
            return skip("namespaces", &why);
        }
        let worker = pool.processes()[0].to_string();
        for kind in ["user", "net", "mnt", "ipc", "uts"] {
            let of = |who: &str| std::fs::read_link(format!("/proc/{who}/ns/{kind}"));
            let Ok(theirs) = of(&worker) else { return skip("namespaces", "cannot be read") };
            assert_ne!(theirs, of("self").unwrap(), "{kind}");
        }
    });
}

/// A version 2 cgroup of the test's own, where there is one to be had.
fn a_cgroup_when_one_is_given() {
    let roots = ["/sys/fs/cgroup", "/sys/fs/cgroup/unified"];
    let name = format!("heliostat-workers-test-{}", std::process::id());
    let made = roots.into_iter().find_map(|root| {
        let root = std::path::Path::new(root);
        let cgroup = root.join(&name);
        let known = std::fs::exists(root.join("cgroup.procs")).ok().filter(|known| *known);
        known.and_then(|_| std::fs::create_dir(&cgroup).ok()).map(|()| cgroup)
    });
    let Some(cgroup) = made else { return skip("a cgroup", "none can be made here") };
    run(async {
        let given = Settings { cgroup: Some(cgroup.clone()), ..settings() };
        let pool = pool(given.clone());
        pool.call(Job::new("abc")).await.unwrap();
        let inside = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap();
        assert_eq!(inside.trim(), pool.processes()[0].to_string());
        pool.drain().await;
        if !std::fs::exists(cgroup.join("cpu.weight")).unwrap_or(false) {
            // Without the controller the weight cannot be had, and the error says so.
            let weight = heliostat_workers::Weight::Cgroup(50);
            let pool = Pool::start(Settings { weight, ..given }).unwrap();
            let error = pool.call(Job::new("abc")).await.unwrap_err();
            assert!(error.is_launch() && error.to_string().contains("cpu.weight"), "{error}");
        }
        crate::support::eventually("it is empty", || std::fs::remove_dir(&cgroup).is_ok()).await;
    });
}

fn the_environment_is_empty() {
    run(async {
        let pool = pool(Settings { retry: Retry::Never, ..settings() });
        pool.call(Job::new("abc")).await.unwrap();
        let pid = pool.processes()[0];
        // Unreadable for an unprivileged user, because the worker is undumpable.
        if let Ok(environment) = std::fs::read(format!("/proc/{pid}/environ")) {
            assert!(environment.is_empty());
        }
    });
}

fn only_own_descriptors() {
    run(async {
        // Inheritable on purpose: a library in C may forget the flag.
        let leak = std::fs::File::open("/etc/passwd").unwrap();
        rustix::io::fcntl_setfd(&leak, rustix::io::FdFlags::empty()).unwrap();
        for (settings, own) in [(settings(), 4), (pipes(), 3)] {
            let pool = pool(settings);
            pool.call(Job::new("abc")).await.unwrap();
            if let Ok(open) = std::fs::read_dir(format!("/proc/{}/fd", pool.processes()[0])) {
                assert_eq!(open.count(), own);
            }
        }
    });
}
