//! Who holds a lease: this process, told apart from every other on every machine.
//!
//! A lease of a process that died would have to run out before anybody else gets it. Where the dead
//! one ran on the same machine and among the same processes, the kernel says that it is gone.

use std::fs;

/// The name of this process.
pub(super) fn holder() -> String {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let host: String = host.trim().chars().filter(|c| !c.is_whitespace()).take(64).collect();
    let process = std::process::id();
    let start = start(&process.to_string()).unwrap_or_default();
    format!("{host} {process} {start} {}", machine().unwrap_or_default())
}

/// Whether a holder is known to have ended.
pub(super) fn is_gone(holder: &str) -> bool {
    let words: Vec<&str> = holder.split(' ').collect();
    let [_, process, started, its_machine] = words[..] else { return false };
    if its_machine.is_empty() || machine().as_deref() != Some(its_machine) {
        return false;
    }
    start(process).as_deref() != Some(started)
}

/// The boot of the machine, and the family of processes in it: where numbers of processes mean the
/// same.
fn machine() -> Option<String> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let family = fs::read_link("/proc/self/ns/pid").ok()?;
    let family: String = family.to_string_lossy().chars().filter(char::is_ascii_digit).collect();
    Some(format!("{}/{family}", boot.trim()))
}

/// When a process began: numbers are used again, moments are not.
fn start(process: &str) -> Option<String> {
    let known = !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit());
    let stat = known.then(|| fs::read_to_string(format!("/proc/{process}/stat")).ok())??;
    // The second field is a name in parentheses, which may hold anything.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    match fields.next()? {
        // A process that nobody has waited for yet is as good as gone.
        "Z" | "X" => None,
        _ => fields.nth(18).map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::{holder, is_gone, machine, start};

    #[test]
    fn the_dead_are_known_and_the_living_are_left_alone() {
        let ours = holder();
        assert!(!is_gone(&ours), "{ours}");
        assert!(ours.len() < 255 && ours.split(' ').count() == 4, "{ours}");
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let process = child.id().to_string();
        let theirs = format!("host {process} {} {}", start(&process).unwrap(), machine().unwrap());
        assert!(!is_gone(&theirs));
        assert!(is_gone(&theirs.replace(&start(&process).unwrap(), "1")), "another of its number");
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(is_gone(&theirs));
        // Of other machines nothing is known.
        assert!(!is_gone("host 1 1 elsewhere") && !is_gone("") && !is_gone("host 1 1 "));
    }
}
