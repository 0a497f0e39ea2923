//! How hard to brake background work when the kernel says that work stalls.

use std::fs::{self, File};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::amount::Fraction;
use crate::capacity::tree::Tree;
use crate::parse::{self, Stall};

/// How pressure becomes braking: for memory and for CPU.
///
/// Pressure is the share of time in which some task stalled, as in the kernel's pressure files: those
/// of the process's own group where there are any, or those of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brake {
    /// For time spent waiting for memory.
    pub memory: Band,
    /// For time spent waiting for a CPU.
    pub cpu: Band,
}

/// Where braking begins, and where it is hardest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Band {
    /// Up to this pressure there is none.
    pub from: Fraction,
    /// From this pressure on it is the most.
    pub to: Fraction,
    /// The most.
    pub most: Fraction,
}

impl Default for Brake {
    /// Memory from 10 % to 50 %, up to all. CPU from 60 % to all, up to four fifths: that CPUs are
    /// busy is no emergency.
    fn default() -> Brake {
        let percent = Fraction::percent;
        Brake {
            memory: Band { from: percent(10), to: percent(50), most: Fraction::ALL },
            cpu: Band { from: percent(60), to: percent(100), most: percent(80) },
        }
    }
}

impl Band {
    /// How hard to brake at a pressure.
    #[must_use]
    pub fn at(&self, pressure: Fraction) -> Fraction {
        if pressure <= self.from {
            return Fraction::NONE;
        }
        let width = self.to.get().saturating_sub(self.from.get()).max(1);
        let over = pressure.get() - self.from.get();
        let part = u64::from(self.most.get()) * u64::from(over.min(width)) / u64::from(width);
        Fraction::millionths(u32::try_from(part).unwrap_or(u32::MAX)).min(self.most)
    }
}

/// Presses the brake at once and lets go of it by and by.
#[derive(Debug)]
pub(crate) struct Foot {
    memory: Gauge,
    cpu: Gauge,
    pressed: Fraction,
    told: Fraction,
}

/// One pressure file.
#[derive(Debug)]
struct Gauge {
    band: Band,
    path: Option<PathBuf>,
    /// Kept open where the kernel keeps the file.
    file: Option<File>,
    before: Option<(Instant, u64)>,
}

impl Foot {
    pub(crate) fn new(brake: Brake, tree: &Tree) -> Foot {
        let gauge = |band: Band, name: &str| {
            let own = tree.pressure.as_ref().map(|group| group.join(format!("{name}.pressure")));
            let machine = Path::new("/proc/pressure").join(name);
            let paths = own.into_iter().chain([machine]).map(|path| tree.place(&path));
            let mut readable =
                paths.filter(|path| fs::read(path).is_ok_and(|bytes| parse::stall(&bytes).is_ok()));
            let path = readable.next();
            let file = path.as_ref().filter(|_| tree.is_live());
            let file = file.and_then(|path| File::open(path).ok());
            Gauge { band, path, file, before: None }
        };
        Foot {
            memory: gauge(brake.memory, "memory"),
            cpu: gauge(brake.cpu, "cpu"),
            pressed: Fraction::NONE,
            told: Fraction::NONE,
        }
    }

    /// The file on which the kernel may be asked to call when memory gets tight.
    pub(crate) fn trigger_file(&self) -> Option<&Path> {
        self.memory.path.as_deref()
    }

    /// Whether there is any braking now.
    pub(crate) fn is_pressed(&self) -> bool {
        self.pressed != Fraction::NONE
    }

    /// How hard to brake now, when that is worth saying.
    pub(crate) fn press(&mut self, at: Instant) -> Option<Fraction> {
        let wanted = self.memory.brake(at).max(self.cpu.brake(at));
        self.pressed = wanted.max(Fraction::millionths(self.pressed.get() / 2));
        if self.pressed < Fraction::percent(2) {
            self.pressed = Fraction::NONE;
        }
        let moved = self.pressed.get().abs_diff(self.told.get()) >= STEP.get();
        let ended = self.pressed == Fraction::NONE && self.told != Fraction::NONE;
        (moved || ended).then(|| {
            self.told = self.pressed;
            self.pressed
        })
    }
}

impl Gauge {
    /// How hard to brake for the time since the last look.
    fn brake(&mut self, at: Instant) -> Fraction {
        let Some(stall) = self.stall() else { return Fraction::NONE };
        let Some((then, before)) = self.before.replace((at, stall.total_us)) else {
            return Fraction::NONE;
        };
        let passed = at.saturating_duration_since(then).as_micros().max(1);
        let part = u128::from(stall.total_us.saturating_sub(before)) * 1_000_000 / passed;
        self.band.at(Fraction::millionths(u32::try_from(part).unwrap_or(u32::MAX)))
    }
}

impl Gauge {
    fn stall(&self) -> Option<Stall> {
        if let Some(file) = &self.file {
            let mut buffer = [0; LENGTH];
            let length = file.read_at(&mut buffer, 0).ok()?;
            return parse::stall(buffer.get(..length)?).ok();
        }
        parse::stall(&fs::read(self.path.as_ref()?).ok()?).ok()
    }
}

/// A pressure file has two lines.
const LENGTH: usize = 512;

/// A smaller movement is not worth saying.
const STEP: Fraction = Fraction::percent(5);

#[cfg(test)]
mod tests {
    use super::{Band, Fraction};

    #[test]
    fn a_band_rises_from_its_beginning_to_its_end() {
        let percent = Fraction::percent;
        let band = Band { from: percent(10), to: percent(50), most: percent(80) };
        let found = [0, 10, 30, 50, 100].map(|pressure| band.at(percent(pressure)));
        assert_eq!(found, [0, 0, 40, 80, 80].map(percent));
        let step = Band { from: percent(10), to: percent(10), most: Fraction::ALL };
        assert_eq!(step.at(percent(11)), Fraction::ALL);
    }
}
