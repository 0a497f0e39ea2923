//! What a parent tells a new worker: lines of text, so that any language can read what it needs.
//!
//! The parent is the one whom a worker trusts, so a line that cannot be read is an error here,
//! not an attack. Unknown lines are passed over: a newer parent may say more.

use rustix::process::Pid;

use crate::region::Layout;
use crate::sandbox::{Limits, Need, Sandbox};

/// See the module.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hello {
    /// Whose death is the worker's.
    pub(crate) parent: Option<Pid>,
    /// The shape of the ring that came along, if one did.
    pub(crate) ring: Option<Layout>,
    pub(crate) sandbox: Sandbox,
}

impl Hello {
    pub(crate) fn encode(&self) -> String {
        let sandbox = &self.sandbox;
        let mut text = String::new();
        let mut line = |name: &str, value: String| text += &format!("{name} {value}\n");
        if let Some(parent) = self.parent {
            line("parent", parent.as_raw_nonzero().to_string());
        }
        if let Some(Layout { slots, job_max, reply_max }) = self.ring {
            line("ring", format!("{slots} {job_max} {reply_max}"));
        }
        line("basics", need(sandbox.basics).into());
        line("namespaces", need(sandbox.namespaces).into());
        line("landlock", need(sandbox.landlock).into());
        line("seccomp", need(sandbox.seccomp).into());
        sandbox.without.iter().for_each(|rule| line("without", rule.clone()));
        let Limits { memory_bytes, cpu_seconds, file_bytes, files } = sandbox.limits;
        if let Some(bytes) = memory_bytes {
            line("memory-bytes", bytes.to_string());
        }
        if let Some(seconds) = cpu_seconds {
            line("cpu-seconds", seconds.to_string());
        }
        line("file-bytes", file_bytes.to_string());
        line("files", files.to_string());
        text
    }

    pub(crate) fn decode(text: &str) -> Option<Hello> {
        let mut hello = Hello { parent: None, ring: None, sandbox: Sandbox::none() };
        for line in text.lines() {
            let (name, value) = line.split_once(' ')?;
            let number = || value.parse::<u64>().ok();
            let sandbox = &mut hello.sandbox;
            match name {
                "parent" => hello.parent = Pid::from_raw(value.parse().ok()?),
                "ring" => {
                    let mut numbers = value.split(' ').map(|number| number.parse().ok());
                    let mut next = || numbers.next().flatten();
                    let layout = Layout { slots: next()?, job_max: next()?, reply_max: next()? };
                    hello.ring = Some(layout);
                }
                "basics" => sandbox.basics = need_of(value)?,
                "namespaces" => sandbox.namespaces = need_of(value)?,
                "landlock" => sandbox.landlock = need_of(value)?,
                "seccomp" => sandbox.seccomp = need_of(value)?,
                "without" => sandbox.without.push(value.to_owned()),
                "memory-bytes" => sandbox.limits.memory_bytes = Some(number()?),
                "cpu-seconds" => sandbox.limits.cpu_seconds = Some(number()?),
                "file-bytes" => sandbox.limits.file_bytes = number()?,
                "files" => sandbox.limits.files = number()?,
                _ => {}
            }
        }
        Some(hello)
    }
}

fn need(need: Need) -> &'static str {
    match need {
        Need::Require => "require",
        Need::Prefer => "prefer",
        Need::Off => "off",
    }
}

fn need_of(text: &str) -> Option<Need> {
    [Need::Require, Need::Prefer, Need::Off].into_iter().find(|known| need(*known) == text)
}

#[cfg(test)]
mod tests {
    use super::Hello;
    use crate::region::Layout;
    use crate::sandbox::Sandbox;

    #[test]
    fn what_is_encoded_is_decoded() {
        let ring = Some(Layout { slots: 16, job_max: 65536, reply_max: 4096 });
        for sandbox in [Sandbox::strict(), Sandbox::best_effort(), Sandbox::none()] {
            let sandbox = Sandbox { without: vec!["brk".into(), "mremap".into()], ..sandbox };
            let hello = Hello { parent: rustix::process::getppid(), ring, sandbox };
            assert_eq!(Hello::decode(&hello.encode()), Some(hello));
        }
        assert!(Hello::decode("later thing\n").is_some());
        assert_eq!(Hello::decode("memory-bytes many\n"), None);
    }
}
