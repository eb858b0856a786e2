//! Products of points and scalars. No branch and no address depends on a scalar, but for [`PublicMultiples`].

use std::arch::x86_64::{__m512i, _mm512_abs_epi64};
use std::arch::x86_64::{_mm512_cmpeq_epu64_mask, _mm512_cmplt_epi64_mask, _mm512_setzero_si512};

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use zeroize::Zeroizing;

use super::points::{Cached, Points};
use super::{LANES, is_supported};
use crate::lanes::{every_lane, from_lanes};
use crate::ristretto::layout::Coordinates;
use crate::ristretto::sums::{Digits, SCALAR_BITS, Shifted};

/// Bits of a digit, which is from -8 to 8.
const WIDTH: u32 = 4;
const LARGEST: usize = 8;
const PLACES: usize = SCALAR_BITS.div_ceil(WIDTH) as usize;

/// The digits of each place, of eight scalars.
type DigitsOfLanes = [[u64; LANES]; PLACES];

/// Multiplies up to eight points by their scalars.
///
/// # Panics
/// Where it is not supported, or if there is no point.
pub(in crate::ristretto) fn times(points: &[RistrettoPoint], scalars: &[Scalar], out: &mut [RistrettoPoint]) {
    assert!(is_supported());
    let digits = digits_of(scalars);
    // SAFETY: the processor has the features that the function is compiled for.
    unsafe { times_lanes(points, &digits, out) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn times_lanes(points: &[RistrettoPoint], digits: &DigitsOfLanes, out: &mut [RistrettoPoint]) {
    let multiples = multiples_of(&Points::read(points));
    let mut sum = Points::neutral();
    for digits in digits.iter().rev() {
        sum = sum.raised(WIDTH);
        let digits = from_lanes(*digits);
        let mut chosen = Cached::neutral();
        for (index, multiple) in multiples.iter().enumerate() {
            chosen.select(are_equal(digits, index), multiple);
        }
        sum = sum.plus(&chosen.negated(are_below_zero(digits)));
    }
    sum.write(out);
}

/// Returns 1 to 8 times each point.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn multiples_of(points: &Points) -> [Cached; LARGEST] {
    let first = points.cached();
    let mut multiples = [first; LARGEST];
    let mut multiple = *points;
    for cached in &mut multiples[1..] {
        multiple = multiple.plus(&first);
        *cached = multiple.cached();
    }
    multiples
}

/// One point times all that a digit can be, for each place of a digit.
pub(in crate::ristretto) struct Multiples(Vec<[Coordinates; LARGEST]>);

impl Multiples {
    /// Makes the table of a point, 80 KiB.
    ///
    /// # Panics
    /// Where it is not supported.
    pub(in crate::ristretto) fn new(point: RistrettoPoint) -> Self {
        assert!(is_supported());
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { Self::of(point) }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn of(point: RistrettoPoint) -> Self {
        let mut base = Points::read(&[point]);
        let mut table = Vec::with_capacity(PLACES);
        for _ in 0..PLACES {
            let multiples = multiples_of(&base);
            table.push(multiples.map(|multiple| multiple.write()[0]));
            base = base.raised(WIDTH);
        }
        Self(table)
    }

    /// Multiplies the point by up to eight scalars.
    pub(in crate::ristretto) fn times(&self, scalars: &[Scalar], out: &mut [RistrettoPoint]) {
        let digits = digits_of(scalars);
        // SAFETY: `new` found that the processor has the features that the function is compiled for.
        unsafe { self.times_lanes(&digits, out) }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn times_lanes(&self, digits: &DigitsOfLanes, out: &mut [RistrettoPoint]) {
        let mut sum = Points::neutral();
        for (digits, multiples) in digits.iter().zip(&self.0) {
            let digits = from_lanes(*digits);
            let mut chosen = Cached::neutral();
            for (index, multiple) in multiples.iter().enumerate() {
                chosen.select(are_equal(digits, index), &Cached::everywhere(multiple));
            }
            sum = sum.plus(&chosen.negated(are_below_zero(digits)));
        }
        sum.write(out);
    }
}

/// Bits of a digit for scalars that are no secret: the table then takes 650 KiB, which the cache of a core holds.
const PUBLIC_WIDTH: u32 = 8;

/// One point times all that a digit can be, looked up by the digit: for scalars that are no secret.
pub(in crate::ristretto) struct PublicMultiples {
    digits: Digits,
    /// For each place of a digit, the point 0 times, once, twice and so on.
    cached: Vec<Vec<Coordinates>>,
}

impl PublicMultiples {
    /// Makes the table of a point.
    ///
    /// # Panics
    /// Where it is not supported.
    pub(in crate::ristretto) fn new(point: RistrettoPoint) -> Self {
        assert!(is_supported());
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { Self::of(point) }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn of(point: RistrettoPoint) -> Self {
        let digits = Digits::new(PUBLIC_WIDTH, SCALAR_BITS);
        let mut base = Points::read(&[point]);
        let mut cached = Vec::with_capacity(digits.count());
        for place in 0..digits.count() {
            let addend = base.cached();
            let mut multiple = Points::neutral();
            let mut multiples = vec![multiple.cached().write()[0]];
            for _ in 0..digits.largest(place) {
                multiple = multiple.plus(&addend);
                multiples.push(multiple.cached().write()[0]);
            }
            cached.push(multiples);
            base = base.raised(PUBLIC_WIDTH);
        }
        Self { digits, cached }
    }

    /// Multiplies the point by up to eight scalars, in a time that depends on them.
    pub(in crate::ristretto) fn times(&self, scalars: &[Scalar], out: &mut [RistrettoPoint]) {
        let mut shifted = [self.digits.shift(&Scalar::ZERO); LANES];
        for (shifted, scalar) in shifted.iter_mut().zip(scalars) {
            *shifted = self.digits.shift(scalar);
        }
        // SAFETY: `new` found that the processor has the features that the function is compiled for.
        unsafe { self.times_lanes(&shifted, out) }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn times_lanes(&self, shifted: &[Shifted; LANES], out: &mut [RistrettoPoint]) {
        let mut sum = Points::neutral();
        for (place, multiples) in self.cached.iter().enumerate() {
            let mut negative = 0;
            let mut chosen = [&multiples[0]; LANES];
            for lane in 0..LANES {
                let digit = self.digits.digit(&shifted[lane], place);
                negative |= u8::from(digit < 0) << lane;
                chosen[lane] = &multiples[digit.unsigned_abs() as usize];
            }
            let Points { x, y, z, t } = Points::gather(chosen);
            sum = sum.plus(&Cached([x, y, z, t]).negated(negative));
        }
        sum.write(out);
    }
}

/// Returns the lanes whose digit is `index + 1` or its negative.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn are_equal(digits: __m512i, index: usize) -> u8 {
    _mm512_cmpeq_epu64_mask(_mm512_abs_epi64(digits), every_lane(index as u64 + 1))
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn are_below_zero(digits: __m512i) -> u8 {
    _mm512_cmplt_epi64_mask(digits, _mm512_setzero_si512())
}

/// Cuts up to eight scalars into digits, as signed integers; lanes that are left over get zeros.
#[allow(clippy::cast_sign_loss)]
fn digits_of(scalars: &[Scalar]) -> Zeroizing<DigitsOfLanes> {
    let digits = Digits::new(WIDTH, SCALAR_BITS);
    let mut lanes = Zeroizing::new([[0; LANES]; PLACES]);
    for (lane, scalar) in scalars.iter().enumerate().take(LANES) {
        let shifted = Zeroizing::new(digits.shift(scalar));
        for (place, out) in lanes.iter_mut().enumerate() {
            out[lane] = i64::from(digits.digit(&shifted, place)) as u64;
        }
    }
    lanes
}
