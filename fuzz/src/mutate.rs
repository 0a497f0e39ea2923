//! Changes inputs at random, the same way every time.
//!
//! It knows nothing of what it finds, so it cannot search as libFuzzer does. It is there to notice,
//! in every test run and without any tools, that a parser has stopped expecting strange input.

/// A stream of numbers that look random: xorshift64*.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// The stream of a name.
    pub(crate) fn of(name: &str) -> Random {
        // FNV-1a; any mixing of the bytes would do.
        let seed = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        Random(seed | 1)
    }

    /// A number below `end`; zero when there is none.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        usize::try_from((high * end as u64) >> 32).unwrap_or(0)
    }

    fn byte(&mut self) -> u8 {
        self.below(256).to_le_bytes()[0]
    }
}

/// Changes an input a few times; `other` is another input to take pieces from.
pub(crate) fn mutate(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    for _ in 0..=random.below(4) {
        change(input, other, random);
    }
    input.truncate(INPUT_BYTES_MAX);
}

fn change(input: &mut Vec<u8>, other: &[u8], random: &mut Random) {
    let at = random.below(input.len());
    let end = (at + random.below(16)).min(input.len());
    match random.below(8) {
        0 if !input.is_empty() => input[at] ^= 1 << random.below(8),
        1 if !input.is_empty() => input[at] = random.byte(),
        2 if !input.is_empty() => input[at] = INTERESTING[random.below(INTERESTING.len())],
        3 => drop(input.drain(at..end)),
        4 => input.extend_from_within(at..end),
        5 => {
            let piece = input[at..end].to_vec();
            let to = random.below(input.len() + 1);
            drop(input.splice(to..to, piece));
        }
        6 => {
            let from = random.below(other.len());
            let piece = &other[from..(from + random.below(64)).min(other.len())];
            drop(input.splice(at..end, piece.iter().copied()));
        }
        _ => input.insert(at, random.byte()),
    }
}

/// Bytes at the edges of what formats tell apart.
const INTERESTING: &[u8] = b"\x00\x01\x7f\x80\xff\n\r\t \"',:;/.-+%&=?#[]{}09aZ";

/// No input grows beyond this.
const INPUT_BYTES_MAX: usize = 1 << 14;

#[cfg(test)]
mod tests {
    use super::{Random, mutate};

    #[test]
    fn the_same_name_gives_the_same_changes() {
        let run = |name: &str| {
            let (mut random, mut input) = (Random::of(name), b"some input".to_vec());
            (0..1000).for_each(|_| mutate(&mut input, b"another", &mut random));
            input
        };
        assert_eq!(run("a"), run("a"));
        assert_ne!(run("a"), run("b"));
    }
}
