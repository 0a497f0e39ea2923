//! A random order in which the heavier tend to come first.
//!
//! Efraimidis and Spirakis ("Weighted random sampling with a reservoir", 2006): give every item
//! an exponentially distributed number divided by its weight, and sort. That is a weighted draw
//! without replacement in one pass, one random number each, instead of one draw per place.

/// Random numbers from a seed: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Thirty-two random bits.
    #[inline]
    pub(crate) fn next_u32(&mut self) -> u32 {
        self.next_u64() as u32
    }

    /// Sixty-four random bits.
    #[inline]
    pub(crate) fn next_u64(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number of the exponential distribution with mean 1, at least 0.
    ///
    /// It is −ln(u) for u uniform in (0, 1), with the logarithm taken from the exponent of a float
    /// and four terms of the series of artanh for its mantissa; the error is below 2·10⁻⁵.
    #[inline]
    pub(crate) fn exponential(&mut self) -> f32 {
        let x = self.next_u32() as f32 + 0.5;
        let bits = x.to_bits();
        let exponent = (bits >> 23) as f32 - 127.0;
        let mantissa = f32::from_bits(bits & 0x007f_ffff | 0x3f80_0000);
        let t = (mantissa - 1.0) / (mantissa + 1.0);
        let t2 = t * t;
        let ln_mantissa = t * (2.0 + t2 * (2.0 / 3.0 + t2 * (2.0 / 5.0 + t2 * (2.0 / 7.0))));
        ((32.0 - exponent) * std::f32::consts::LN_2 - ln_mantissa).max(0.0)
    }
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
