//! What was left out, and why.
//!
//! A test that cannot run (no `dnf`, say) appends one line, `what<TAB>why`, to the file that
//! `HELIOSTAT_SKIPS` names, because runners swallow what passing tests print. Nothing is skipped
//! silently: the lines are the last thing that a task shows before its totals.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// The variable through which tests learn the file's name.
pub(crate) const VARIABLE: &str = "HELIOSTAT_SKIPS";

/// The file of skips, and the skips of the task itself.
#[derive(Debug)]
pub(crate) struct Skips {
    file: PathBuf,
    own: Vec<String>,
}

impl Skips {
    /// Begins with an empty file below the target directory.
    pub(crate) fn begin(target: &Path) -> Result<Skips> {
        let file = target.join("skips.tsv");
        fs::create_dir_all(target)
            .and_then(|()| fs::write(&file, ""))
            .with_context(|| format!("cannot write {}", file.display()))?;
        Ok(Skips { file, own: Vec::new() })
    }

    /// Where tests write.
    pub(crate) fn file(&self) -> &Path {
        &self.file
    }

    /// Records something that the task itself leaves out.
    pub(crate) fn add(&mut self, what: &str, why: &str) {
        self.own.push(format!("{what}\t{why}"));
    }

    /// Shows all skips, those of one reason together.
    pub(crate) fn close(self) -> Result<()> {
        let text = fs::read_to_string(&self.file)
            .with_context(|| format!("cannot read {}", self.file.display()))?;
        print!("{}", summary(self.own.iter().map(String::as_str).chain(text.lines())));
        Ok(())
    }
}

/// One paragraph per reason, with what it kept from running.
fn summary<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let mut reasons: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for line in lines {
        let (what, why) = line.split_once('\t').unwrap_or((line, "no reason given"));
        reasons.entry(why).or_default().push(what);
    }
    if reasons.is_empty() {
        return "skipped: nothing\n".to_owned();
    }
    let mut text = format!("skipped: {}\n", reasons.values().map(Vec::len).sum::<usize>());
    for (why, mut what) in reasons {
        what.sort_unstable();
        what.dedup();
        text += &format!("  because {why}:\n");
        what.iter().for_each(|what| text += &format!("    {what}\n"));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn skips_are_grouped_by_reason() {
        let lines = ["b\tno dnf", "a\tno dnf", "c\tno curl"];
        assert_eq!(
            summary(lines.into_iter()),
            "skipped: 3\n  because no curl:\n    c\n  because no dnf:\n    a\n    b\n"
        );
        assert_eq!(summary([].into_iter()), "skipped: nothing\n");
    }
}
