//! What one mirror has of every directory, in a few hundred bytes.
//!
//! A network has millions of pairs of a directory and a mirror that should carry it. A row for each
//! would be hundreds of megabytes; but neighbours in the tree nearly always share their state, so
//! each mirror has one list of runs: so many directories in this state, so many in that one, by
//! directory id. It is stored as numbers of seven bits a byte, `length × 8 + state`.
//!
//! The list is canonical: no run is empty, neighbours differ, and the last one is not
//! [unknown](crate::states::MirrorState::Unknown). Equal lists are equal bytes.

use crate::Error;

/// What a mirror has of a directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MirrorState {
    /// Nobody has looked, or it does not carry it.
    Unknown = 0,
    /// It has it as it should be.
    Current = 1,
    /// It has an older one.
    Behind = 2,
    /// It should have it, and has not.
    Missing = 3,
    /// It has it as it should be, for clients of the host's own networks only, although the host is
    /// public elsewhere.
    Reserved = 4,
}

impl MirrorState {
    /// What it is called.
    pub const fn as_str(self) -> &'static str {
        match self {
            MirrorState::Unknown => "unknown",
            MirrorState::Current => "current",
            MirrorState::Behind => "behind",
            MirrorState::Missing => "missing",
            MirrorState::Reserved => "reserved",
        }
    }

    fn of(number: u64) -> Option<MirrorState> {
        use MirrorState::{Behind, Current, Missing, Reserved, Unknown};
        [Unknown, Current, Behind, Missing, Reserved].into_iter().find(|&s| s as u64 == number)
    }
}

/// The states of one mirror, by directory id.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct States {
    bytes: Vec<u8>,
}

/// A run of one state: directories `first..end`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first directory.
    pub first: i64,
    /// The directory after the last one.
    pub end: i64,
    /// What the mirror has of them.
    pub state: MirrorState,
}

impl States {
    /// The states that were stored as these bytes.
    ///
    /// # Errors
    ///
    /// When they are no canonical list.
    pub fn from_bytes(bytes: &[u8]) -> Result<States, Error> {
        let mut again = StatesBuilder::default();
        let mut rest = bytes;
        let mut first = 0_i64;
        while !rest.is_empty() {
            let number =
                number_read(&mut rest).ok_or_else(|| Error::damaged("states break off"))?;
            let state = MirrorState::of(number & 7);
            let end = first.checked_add_unsigned(number >> 3).filter(|&end| end <= DIRECTORY_MAX);
            let (Some(state), Some(end)) = (state, end) else {
                return Err(Error::damaged("states have a run that cannot be"));
            };
            again.push_run(Run { first, end, state });
            first = end;
        }
        let states = again.finish();
        if states.bytes != bytes {
            return Err(Error::damaged("states are not canonical"));
        }
        Ok(states)
    }

    /// The bytes to store.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// All runs, unknown ones included.
    pub fn runs(&self) -> impl Iterator<Item = Run> + '_ {
        let mut rest = self.bytes.as_slice();
        let mut first = 0;
        std::iter::from_fn(move || {
            let number = number_read(&mut rest)?;
            let state = MirrorState::of(number & 7)?;
            let run = Run { first, end: first + (number >> 3) as i64, state };
            first = run.end;
            Some(run)
        })
    }

    /// The state of one directory.
    pub fn state(&self, directory: i64) -> MirrorState {
        let run = self.runs().find(|run| directory < run.end);
        run.filter(|_| directory >= 0).map_or(MirrorState::Unknown, |run| run.state)
    }

    /// These states, and where newer ones are known, those: what nobody could tell changes nothing.
    pub fn renewed(&self, newer: &States) -> States {
        let (mut old, mut new) = (self.runs().peekable(), newer.runs().peekable());
        let mut both = StatesBuilder::default();
        let mut first = 0;
        loop {
            old.next_if(|run| run.end <= first);
            new.next_if(|run| run.end <= first);
            let states = [new.peek(), old.peek()];
            let Some(end) = states.iter().flatten().map(|run| run.end).min() else { break };
            let mut known = states.iter().flatten().map(|run| run.state);
            let state = known.find(|&state| state != MirrorState::Unknown);
            both.push_run(Run { first, end, state: state.unwrap_or(MirrorState::Unknown) });
            first = end;
        }
        both.finish()
    }

    /// How many directories are in each state: current, behind, missing, reserved.
    pub fn counts(&self) -> [i64; 4] {
        let mut counts = [0; 5];
        for run in self.runs() {
            counts[run.state as usize] += run.end - run.first;
        }
        [counts[1], counts[2], counts[3], counts[4]]
    }
}

/// Makes states from directories in rising order.
#[derive(Clone, Debug)]
pub struct StatesBuilder {
    bytes: Vec<u8>,
    run: Run,
}

impl Default for StatesBuilder {
    fn default() -> StatesBuilder {
        let run = Run { first: 0, end: 0, state: MirrorState::Unknown };
        StatesBuilder { bytes: Vec::new(), run }
    }
}

impl StatesBuilder {
    /// One directory; it must come after those before it, else it is passed over.
    pub fn push(&mut self, directory: i64, state: MirrorState) {
        self.push_run(Run { first: directory, end: directory + 1, state });
    }

    /// Directories in a row; they must come after those before them.
    pub fn push_run(&mut self, run: Run) {
        if run.first < self.run.end || run.end <= run.first {
            return;
        }
        if run.first > self.run.end {
            self.join(Run { first: self.run.end, end: run.first, state: MirrorState::Unknown });
        }
        self.join(run);
    }

    fn join(&mut self, run: Run) {
        if run.state == self.run.state {
            self.run.end = run.end;
            return;
        }
        self.write();
        self.run = run;
    }

    fn write(&mut self) {
        let length = (self.run.end - self.run.first) as u64;
        if length > 0 {
            number_write(length << 3 | self.run.state as u64, &mut self.bytes);
        }
    }

    /// The states; what follows the last known one is unknown.
    pub fn finish(mut self) -> States {
        if self.run.state != MirrorState::Unknown {
            self.write();
        }
        States { bytes: self.bytes }
    }
}

/// Writes a number of seven bits a byte, the lowest first.
pub(crate) fn number_write(mut number: u64, bytes: &mut Vec<u8>) {
    while number >= 0x80 {
        bytes.push(number as u8 | 0x80);
        number >>= 7;
    }
    bytes.push(number as u8);
}

/// Reads one.
pub(crate) fn number_read(rest: &mut &[u8]) -> Option<u64> {
    let mut number = 0;
    for shift in (0..63).step_by(7) {
        let (&byte, after) = rest.split_first()?;
        *rest = after;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Some(number);
        }
    }
    None
}

/// More directories than any network has.
pub(crate) const DIRECTORY_MAX: i64 = u32::MAX as i64;
