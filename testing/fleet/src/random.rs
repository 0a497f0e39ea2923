//! Numbers that look random and never change: SplitMix64.

/// A number that depends on all bits of both and on nothing else.
pub(crate) const fn mix2(a: u64, b: u64) -> u64 {
    mix(mix(a) ^ b)
}

/// A number that depends on the letters of a text and on nothing else.
pub(crate) fn mix_text(text: &str) -> u64 {
    text.bytes().fold(0, |state, byte| mix2(state, u64::from(byte)))
}

const fn mix(value: u64) -> u64 {
    let z = value.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
