//! Control groups change the CPUs of a pinned thread: the scenarios of the guide, A, C, D, G, H, J, K.
//!
//! Needs the right to make a cpuset; skipped otherwise, and says so.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use heliostat_percpu::affinity::{self, Watch};
use heliostat_percpu::{CpuId, PinError, PinGuard, pin_on_cpu};

use crate::alone::{self, Puppet};
use crate::outside::{cpus, set_mask, skip};

/// A cpuset of our own, removed when dropped.
struct Cpuset(PathBuf);

impl Cpuset {
    /// Makes one with CPUs 0 and 1, or says why not.
    fn make(test: &str) -> Option<Self> {
        match Self::try_make() {
            Ok(cpuset) => Some(cpuset),
            Err(why) => {
                skip(test, &why);
                None
            }
        }
    }

    fn try_make() -> Result<Self, String> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        if affinity::allowed().is_ok_and(|allowed| !cpus("0-1").is_subset(&allowed)) {
            return Err("CPUs 0 and 1 are needed".into());
        }
        let root = Self::root().ok_or("no cpuset controller is mounted")?;
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("percpu-test-{}-{number}", std::process::id()));
        fs::create_dir(&path).map_err(|error| format!("{}: {error}", path.display()))?;
        let cpuset = Self(path);
        if cpuset.0.join("cpuset.mems").exists() {
            let mems = fs::read_to_string(root.join("cpuset.mems")).unwrap_or_default();
            let _v2_needs_none = fs::write(cpuset.0.join("cpuset.mems"), mems.trim());
        }
        match cpuset.try_allow("0-1") {
            Ok(()) => Ok(cpuset),
            Err(error) => Err(format!("cpuset.cpus: {error}")),
        }
    }

    fn root() -> Option<PathBuf> {
        let mounts = fs::read_to_string("/proc/mounts").ok()?;
        let mut v2 = None;
        for mount in mounts.lines() {
            let mut fields = mount.split(' ').skip(1);
            let (Some(at), Some(kind), Some(options)) =
                (fields.next(), fields.next(), fields.next())
            else {
                continue;
            };
            if kind == "cgroup" && options.split(',').any(|option| option == "cpuset") {
                return Some(at.into());
            }
            let control = Path::new(at).join("cgroup.subtree_control");
            if kind == "cgroup2"
                && (fs::write(&control, "+cpuset").is_ok()
                    || fs::read_to_string(&control).is_ok_and(|text| text.contains("cpuset")))
                && fs::read_to_string(&control).is_ok_and(|text| text.contains("cpuset"))
            {
                v2 = Some(at.into());
            }
        }
        v2
    }

    fn allow(&self, list: &str) {
        self.try_allow(list).unwrap();
    }

    fn try_allow(&self, list: &str) -> std::io::Result<()> {
        fs::write(self.0.join("cpuset.cpus"), list)
    }

    fn take_in(&self, process: u32) {
        fs::write(self.0.join("cgroup.procs"), process.to_string()).unwrap();
    }

    fn send_home(&self, process: u32) {
        fs::write(self.0.parent().unwrap().join("cgroup.procs"), process.to_string()).unwrap();
    }
}

impl Drop for Cpuset {
    fn drop(&mut self) {
        // A process that has just ended may still count for a moment.
        for _ in 0..100 {
            if fs::remove_dir(&self.0).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

/// A puppet in a cpuset of its own. The puppet goes first: it has to leave before the set can.
struct Stage {
    puppet: Puppet,
    cpuset: Cpuset,
}

impl Stage {
    fn set(test: &str) -> Option<Self> {
        let cpuset = Cpuset::make(test)?;
        let puppet = Puppet::start("cpuset::puppet");
        cpuset.take_in(puppet.id());
        Some(Self { puppet, cpuset })
    }

    /// Plays a scene: `cpus 0-1` changes the cpuset, `home` and `back` move the process out and in,
    /// `force 0` sets the thread's mask from outside; everything else is an order for the puppet.
    fn play(&mut self, scene: &[(&str, &str)]) {
        let thread: i32 = self.puppet.ask("thread").parse().unwrap();
        for (order, expected) in scene {
            let answer = match order.split_once(' ') {
                Some(("cpus", list)) => {
                    self.cpuset.allow(list);
                    String::new()
                }
                Some(("force", list)) => set_mask(thread, &cpus(list)).to_string(),
                None if *order == "home" => {
                    self.cpuset.send_home(self.puppet.id());
                    String::new()
                }
                None if *order == "back" => {
                    self.cpuset.take_in(self.puppet.id());
                    String::new()
                }
                _ => self.puppet.ask(order),
            };
            assert_eq!(answer, *expected, "at {order:?} of {scene:?}");
        }
    }
}

#[test]
#[ignore = "the other end of a pipe"]
fn puppet() {
    let mut pin: Option<PinGuard> = None;
    alone::obey(|verb, object| match verb {
        "thread" => crate::outside::thread_number().to_string(),
        "mask" => affinity::current().unwrap().to_string(),
        "allowed" => affinity::allowed().unwrap().to_string(),
        "set" => format!("{:?}", affinity::set(&cpus(object)).map_err(|error| error.to_string())),
        "pin" => match pin_on_cpu(object.parse::<CpuId>().unwrap()) {
            Ok(guard) => {
                pin = Some(guard);
                "pinned".into()
            }
            Err(PinError::NotAllowed { allowed, .. }) => format!("not allowed, only {allowed}"),
            Err(error) => error.to_string(),
        },
        "check" => match pin.as_mut().unwrap().check() {
            Ok(standing) => format!("{standing:?}"),
            Err(conflict) => format!("{:?}: {}", conflict.cause, conflict.seen),
        },
        "unpin" => match pin.take().unwrap().unpin() {
            Ok(()) => "unpinned".into(),
            Err(conflict) => format!("{:?}: {}", conflict.cause, conflict.seen),
        },
        other => panic!("{other}?"),
    });
}

fn keeps_masks() -> bool {
    heliostat_percpu::Query::new().keeps_masks == Some(true)
}

/// The cpuset loses the CPU of a pinned thread and gets it back. Both kinds of kernel end with a
/// thread that is free, though from 6.2 the pin comes back in between.
#[test]
fn a_the_cpuset_shrinks_and_grows_under_a_pin() {
    let Some(mut stage) = Stage::set("a") else { return };
    let again = if keeps_masks() { "1" } else { "0-1" };
    let (check, unpin) =
        if keeps_masks() { ("Pinned", "unpinned") } else { ("Mask: 0-1", "Mask: 0-1") };
    stage.play(&[
        ("pin 1", "pinned"),
        ("cpus 0", ""),
        ("check", "Cpuset: 0"),
        ("allowed", "0"),
        ("cpus 0-1", ""),
        ("mask", again),
        ("check", check),
        ("unpin", unpin),
        ("mask", "0-1"),
    ]);
}

/// A CPU that the cpuset does not have is refused at once.
#[test]
fn a_a_cpu_outside_is_refused() {
    let Some(mut stage) = Stage::set("a, outside") else { return };
    stage.play(&[
        ("cpus 0", ""),
        ("pin 1", "not allowed, only 0"),
        ("mask", "0"),
        ("cpus 0-1", ""),
        ("mask", "0-1"),
    ]);
}

/// Unpinned while the CPU is gone: the pin does not come back when the cpuset grows.
#[test]
fn c_unpinned_while_the_cpuset_is_small() {
    let Some(mut stage) = Stage::set("c") else { return };
    stage.play(&[
        ("pin 1", "pinned"),
        ("cpus 0", ""),
        ("unpin", "Cpuset: 0"),
        ("mask", "0"),
        ("cpus 0-1", ""),
        ("mask", "0-1"),
    ]);
}

/// A thread without a mask of its own follows the cpuset, before and after a pin.
#[test]
fn d_a_free_thread_follows_the_cpuset() {
    let Some(mut stage) = Stage::set("d") else { return };
    stage.play(&[
        ("cpus 0", ""),
        ("mask", "0"),
        ("cpus 0-1", ""),
        ("mask", "0-1"),
        ("pin 0", "pinned"),
        ("allowed", "0-1"),
        ("unpin", "unpinned"),
        ("cpus 1", ""),
        ("mask", "1"),
        ("cpus 0-1", ""),
        ("mask", "0-1"),
    ]);
}

/// Somebody sets the mask of a pinned thread: that mask stays.
#[test]
fn g_somebody_elses_mask_stays() {
    let Some(mut stage) = Stage::set("g") else { return };
    stage.play(&[
        ("pin 1", "pinned"),
        ("force 0", "true"),
        ("check", "Mask: 0"),
        ("unpin", "Mask: 0"),
        ("mask", "0"),
    ]);
}

/// The process is moved to another cpuset and back while a thread is pinned.
#[test]
fn h_moved_to_another_cpuset_and_back() {
    let Some(mut stage) = Stage::set("h") else { return };
    let still = if keeps_masks() { "unpinned" } else { "Mask: 0-1" };
    stage.play(&[
        ("pin 1", "pinned"),
        ("home", ""),
        ("back", ""),
        ("unpin", still),
        ("mask", "0-1"),
        ("pin 1", "pinned"),
        ("home", ""),
        ("cpus 0", ""),
        ("back", ""),
        ("check", "Cpuset: 0"),
        ("unpin", "Cpuset: 0"),
        ("cpus 0-1", ""),
        ("mask", "0-1"),
    ]);
}

/// Pinned and unpinned in a small cpuset, which then grows: restoring "what was allowed" would keep
/// the thread small for ever (J); restoring "nothing of its own" does not (K).
#[test]
fn j_and_k_a_pin_in_a_small_cpuset_leaves_no_mask_behind() {
    let Some(mut stage) = Stage::set("j and k") else { return };
    stage.play(&[
        ("cpus 0", ""),
        ("pin 0", "pinned"),
        ("unpin", "unpinned"),
        ("mask", "0"),
        ("cpus 0-1", ""),
        ("mask", "0-1"),
    ]);
}

/// A thread's own mask is its own: it comes back as it was, and no wider.
#[test]
fn a_mask_of_ones_own_survives_a_pin() {
    let Some(mut stage) = Stage::set("own mask") else { return };
    stage.play(&[
        ("set 1", "Ok(())"),
        ("pin 1", "pinned"),
        ("unpin", "unpinned"),
        ("mask", "1"),
        ("allowed", "0-1"),
        ("set 5", "Err(\"no CPU of the set is allowed\")"),
    ]);
}

#[test]
#[ignore = "the other end of a pipe"]
fn watching_puppet() {
    let mut watch = Watch::start().unwrap();
    alone::obey(|verb, _| match verb {
        "allowed" => watch.allowed().to_string(),
        "wait" => match watch.wait(Duration::from_secs(20)) {
            Some(now) => now.to_string(),
            None => "nothing".into(),
        },
        other => panic!("{other}?"),
    });
}

/// The watch reports a change of the cpuset, and the change back.
#[test]
fn the_watch_sees_the_cpuset_change() {
    let Some(cpuset) = Cpuset::make("watch") else { return };
    let mut puppet = Puppet::start("cpuset::watching_puppet");
    puppet.ask("allowed");
    cpuset.take_in(puppet.id());
    cpuset.allow("1");
    let before = Instant::now();
    let mut seen = puppet.ask("wait");
    if seen == "0-1" {
        seen = puppet.ask("wait");
    }
    assert_eq!(seen, "1", "after {:?}", before.elapsed());
    cpuset.allow("0-1");
    assert_eq!(puppet.ask("wait"), "0-1");
    drop(puppet);
}
