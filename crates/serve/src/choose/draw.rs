//! A random order in which the heavier tend to come first.
//!
//! Efraimidis and Spirakis ("Weighted random sampling with a reservoir", 2006): give every item
//! an exponentially distributed number divided by its weight, and sort. That is a weighted draw
//! without replacement in one pass, one random number each, instead of one draw per place.

/// Random numbers from a seed: wyrand (Wang Yi, wyhash, 2019), one multiplication each.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Sixty-four random bits.
    #[inline]
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0xa076_1d64_78bd_642f);
        let product = u128::from(self.0) * u128::from(self.0 ^ 0xe703_7ed1_a0b4_28db);
        (product >> 64) as u64 ^ product as u64
    }

    /// A number of the exponential distribution with mean 1, above 0.
    #[inline]
    pub(crate) fn exponential(&mut self) -> f32 {
        minus_ln((self.next_u64() >> 40) as u32)
    }
}

/// −ln(u) for u = (x + ½) / 2²⁴.
///
/// The exponent of u as a float gives the whole part of its binary logarithm, a polynomial in its
/// mantissa the rest. The polynomial is the closest of its degree to ln on [1, 2], lowered by its
/// error, so that no result is negative.
#[inline]
fn minus_ln(x: u32) -> f32 {
    let bits = (x as f32 + 0.5).to_bits();
    // Counted from 2²⁴, in a float's own way of counting.
    let halvings = (24 + 127) - (bits >> 23) as i32;
    let m = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
    let ln_m = LN[0] + m * (LN[1] + m * (LN[2] + m * (LN[3] + m * LN[4])));
    halvings as f32 * std::f32::consts::LN_2 - ln_m
}

/// A sortable draw: the number that orders it, and what was drawn.
#[inline]
pub(crate) fn key(order: f32, item: u32) -> u64 {
    // Floats that are not negative sort as their bits do.
    u64::from(order.to_bits()) << 32 | u64::from(item)
}

/// What was drawn, and the number that ordered it.
#[inline]
pub(crate) fn item(key: u64) -> (f32, u32) {
    (f32::from_bits((key >> 32) as u32), key as u32)
}

/// The closest polynomial to ln on [1, 2] (Remez), the first coefficient lowered by 6.2·10⁻⁵.
const LN: [f32; 5] = [-1.741_840_1, 2.821_172, -1.469_94, 0.447_178_6, -0.056_571_77];

#[cfg(test)]
mod tests {
    use super::minus_ln;

    #[test]
    fn the_logarithm_is_close_and_never_negative() {
        for x in (0..1 << 24).step_by(97).chain([(1 << 24) - 1]) {
            let exact = -((f64::from(x) + 0.5) / f64::from(1 << 24)).ln();
            let found = minus_ln(x);
            assert!(found >= 0.0, "{x}: {found}");
            assert!((f64::from(found) - exact).abs() < 2e-4, "{x}: {found} for {exact}");
        }
    }
}
