//! Sums of many products by buckets, as [`crate::ristretto::sums`] explains, for eight places of digits at once: each
//! lane has buckets of its own. It takes a time that depends on the scalars.

use std::arch::x86_64::_mm512_mask_blend_epi64;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

use super::numbers::{ONE, ZERO};
use super::points::{Cached, Points, write_rows};
use super::{LANES, is_supported};
use crate::lanes::{LIMBS, Tight, every_lane, minus, number_everywhere, to_lanes};
use crate::ristretto::layout::Coordinates;
use crate::ristretto::sums::Digits;

/// The widest digits whose buckets the cache of a core holds.
const MAX_WIDTH: u32 = 11;

/// Returns the sum of each point times its scalar. No scalar has more than `bits` bits.
///
/// # Panics
/// Where it is not supported.
pub(in crate::ristretto) fn multi_scalar(scalars: &[Scalar], points: &[RistrettoPoint], bits: u32) -> RistrettoPoint {
    assert!(is_supported());
    let width = best_width(points.len(), bits);
    let digits = Digits::new(width, bits);
    let mut sums = vec![RistrettoPoint::identity(); digits.count().next_multiple_of(LANES)];
    for (round, sums) in sums.chunks_exact_mut(LANES).enumerate() {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { sum_of_places(digits, round * LANES, scalars, points, sums) }
    }
    let raise = |sum: RistrettoPoint| (0..width).fold(sum, |sum, _| sum + sum);
    sums.into_iter().rev().reduce(|higher, sum| raise(higher) + sum).unwrap_or_else(RistrettoPoint::identity)
}

/// Returns the width of digits for which the fewest additions are needed.
fn best_width(points: usize, bits: u32) -> u32 {
    let rounds = |width: u32| (bits.div_ceil(width) as usize).div_ceil(LANES);
    let additions = |width: u32| rounds(width) * (points + (5 << (width - 1)) / 2);
    (2..=MAX_WIDTH).min_by_key(|&width| additions(width)).unwrap_or(MAX_WIDTH)
}

/// Writes the sums of eight places from `first` on, each of the digits of one place times their points.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn sum_of_places(
    digits: Digits,
    first: usize,
    scalars: &[Scalar],
    points: &[RistrettoPoint],
    out: &mut [RistrettoPoint],
) {
    let places = first..digits.count().min(first + LANES);
    let largest = places.clone().map(|place| digits.largest(place)).max().unwrap_or(0);
    let mut buckets = Buckets::new(largest);
    for (scalars, points) in scalars.chunks(LANES).zip(points.chunks(LANES)) {
        let addends = Addends::new(points);
        for (lane, scalar) in scalars.iter().enumerate() {
            let shifted = digits.shift(scalar);
            let mut chosen = [0; LANES];
            for (out, place) in chosen.iter_mut().zip(places.clone()) {
                *out = digits.digit(&shifted, place);
            }
            buckets.add(&chosen, &addends, lane);
        }
    }
    buckets.sum().write(out);
}

/// Eight points to be added, one after another, or their negatives.
struct Addends([[[u64; LANES]; LIMBS]; 5]);

impl Addends {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn new(points: &[RistrettoPoint]) -> Self {
        let Cached([sum, difference, z2, t2d]) = Points::read(points).cached();
        let negative = minus(&number_everywhere(&ZERO), &t2d);
        Self([sum, difference, z2, t2d, negative].map(|number| number.0.map(to_lanes)))
    }

    /// Puts one of the points into every lane, negated in the lanes whose bit is set.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn everywhere(&self, lane: usize, negative: u8) -> Cached {
        let [sum, difference, z2, t2d, minus_t2d] = &self.0;
        Cached([
            either(negative, difference, sum, lane),
            either(negative, sum, difference, lane),
            either(0, z2, z2, lane),
            either(negative, minus_t2d, t2d, lane),
        ])
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn either(lanes: u8, chosen: &[[u64; LANES]; LIMBS], others: &[[u64; LANES]; LIMBS], lane: usize) -> Tight {
    let mut limbs = [every_lane(0); LIMBS];
    for i in 0..LIMBS {
        limbs[i] = _mm512_mask_blend_epi64(lanes, every_lane(others[i][lane]), every_lane(chosen[i][lane]));
    }
    Tight(limbs)
}

/// For each lane, a sum of points for each digit from 0 on. That for 0 is never used.
struct Buckets {
    sums: Vec<Coordinates>,
    digits: usize,
}

impl Buckets {
    fn new(largest: usize) -> Self {
        let neutral = [ZERO, ONE, ONE, ZERO];
        Self { sums: vec![neutral; LANES * (largest + 1)], digits: largest + 1 }
    }

    /// Adds, in each lane, the point or its negative to the bucket of the digit.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn add(&mut self, digits: &[i32; LANES], addends: &Addends, lane: usize) {
        let mut negative = 0;
        let mut places = [0; LANES];
        for (index, &digit) in digits.iter().enumerate() {
            negative |= u8::from(digit < 0) << index;
            places[index] = index * self.digits + digit.unsigned_abs() as usize;
        }
        let rows = self.read(places).plus(&addends.everywhere(lane, negative)).rows();
        for (lane, &place) in places.iter().enumerate() {
            write_rows(&rows, lane, &mut self.sums[place]);
        }
    }

    /// Returns, in each lane, the sum of the buckets, each as often as its digit says.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn sum(&self) -> Points {
        // As in `crate::ristretto::sums`, by adding up the sums of all buckets from each one upwards.
        let (mut sum, mut above) = (Points::neutral(), Points::neutral());
        for digit in (1..self.digits).rev() {
            let bucket = self.read(std::array::from_fn(|lane| lane * self.digits + digit));
            above = above.plus(&bucket.cached());
            sum = sum.plus(&above.cached());
        }
        sum
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn read(&self, places: [usize; LANES]) -> Points {
        Points::gather(places.map(|place| &self.sums[place]))
    }
}
