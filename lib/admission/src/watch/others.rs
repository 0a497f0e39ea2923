//! What others leave of the memory, as cheaply as that can be known.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::amount::Bytes;
use crate::capacity::left::Limited;
use crate::capacity::tree::Tree;
use crate::parse;

/// The files that say what others hold, open.
#[derive(Debug)]
pub(crate) struct Others {
    /// What this process held when everything was read. It grows at the cost of what is left, so the
    /// sum is wrong by as much as it has grown since, and is then read anew.
    own: Bytes,
    machine: Option<File>,
    groups: Vec<Group>,
}

#[derive(Debug)]
struct Group {
    limited: Limited,
    usage: Option<File>,
    stat: Option<File>,
}

impl Others {
    pub(crate) fn new(tree: &Tree) -> Others {
        let open = |path: &Path| File::open(tree.place(path)).ok();
        let group = |limited: &Limited| Group {
            usage: open(&limited.usage),
            stat: open(&limited.stat),
            limited: limited.clone(),
        };
        let groups = tree.limited.iter().map(group).collect();
        Others { own: tree.own, machine: open(Path::new("/proc/meminfo")), groups }
    }

    /// Takes over what this process holds from another reading of the same files.
    pub(crate) fn refresh(&mut self, tree: &Tree) {
        self.own = tree.own;
    }

    /// What is left of everything; exactly if that is not more than `enough`, and otherwise at least
    /// so much. None when nothing says so.
    pub(crate) fn left(&self, enough: Bytes) -> Option<Bytes> {
        let machine = self.machine.as_ref().and_then(|file| {
            let mut buffer = [0; MEMINFO_LENGTH];
            let available = parse::kib(read(file, &mut buffer)?, "MemAvailable").ok()?;
            Some(available.saturating_add(self.own))
        });
        let groups = self.groups.iter().filter_map(|group| group.left(self.own, enough));
        machine.into_iter().chain(groups).min()
    }
}

impl Group {
    fn left(&self, own: Bytes, enough: Bytes) -> Option<Bytes> {
        let mut buffer = [0; USAGE_LENGTH];
        let used = parse::number(read(self.usage.as_ref()?, &mut buffer)?).ok()?;
        let least = self.limited.left(used, &[], own);
        if least >= enough {
            return Some(least);
        }
        // Only now does it matter how much of that is page cache, which is dear to ask.
        let mut buffer = [0; STAT_LENGTH];
        let stat = self.stat.as_ref().and_then(|file| read(file, &mut buffer));
        Some(self.limited.left(used, stat.unwrap_or_default(), own))
    }
}

fn read<'a>(file: &File, buffer: &'a mut [u8]) -> Option<&'a [u8]> {
    let length = file.read_at(buffer, 0).ok()?;
    buffer.get(..length)
}

/// `MemAvailable` is in the third line.
const MEMINFO_LENGTH: usize = 256;

const USAGE_LENGTH: usize = 32;

/// The keys that are looked for stand in the first half of `memory.stat`.
const STAT_LENGTH: usize = 4096;
