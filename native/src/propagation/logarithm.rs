//! A base-2 logarithm that compilers turn into vector instructions.

/// Tells whether this processor has vectors of four doubles.
pub(super) fn is_wide() -> bool {
    #[cfg(target_arch = "x86_64")]
    let wide = std::arch::is_x86_feature_detected!("avx2");
    #[cfg(not(target_arch = "x86_64"))]
    let wide = false;
    wide
}

/// sqrt(1/2): mantissas are taken from there to sqrt(2).
const LEAST_MANTISSA: u64 = 0x3fe6_a09e_667f_3bcd;
/// 1.5 x 2^52: a small integer added to its bits is the same integer added to its value.
const INTEGERS: f64 = 6_755_399_441_055_744.0;

/// log2 of a positive number, within 1e-15 of it; of zero a finite number.
///
/// x = 2^e m with m near 1, and ln m = 2 artanh z, z = (m - 1)/(m + 1), |z| < 0.172, by its power series.
#[inline(always)]
#[allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]
pub(super) fn log2(x: f64) -> f64 {
    let bits = x.max(f64::MIN_POSITIVE).to_bits();
    // An arithmetic shift of 64 bits is no vector instruction everywhere: shift a number that is positive.
    let biased = bits.wrapping_sub(LEAST_MANTISSA).wrapping_add(1023 << 52) >> 52;
    let mantissa = f64::from_bits(bits.wrapping_sub(biased << 52).wrapping_add(1023 << 52));
    let exponent = f64::from_bits(INTEGERS.to_bits() + biased) - (INTEGERS + 1023.0);
    let z = (mantissa - 1.0) / (mantissa + 1.0);
    let square = z * z;
    let mut series = 1.0 / 21.0;
    for odd in [19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0, 1.0] {
        series = series * square + 1.0 / odd;
    }
    exponent + z * series * (2.0 * std::f64::consts::LOG2_E)
}
