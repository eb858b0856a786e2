//! The sum of many products (Pippenger's algorithm), in a time that depends on the scalars.
//!
//! A scalar is cut into digits. For each place of a digit, elements with the same digit are added into one bucket, and
//! the buckets are added up with their digits as factors. See Bernstein, Doumen, Lange & Oosterwijk, "Faster batch
//! forgery identification" (INDOCRYPT 2012), section 4.

#![forbid(unsafe_code)]

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::{Identity, VartimeMultiscalarMul};

use super::arithmetic::Arithmetic;
#[cfg(not(has_lanes))]
use super::arithmetic::lanes;
use super::chunks;
use super::column::Misfit;
use super::elements::Elements;
#[cfg(has_lanes)]
use super::lanes;

/// Bits of the largest scalar.
pub const SCALAR_BITS: u32 = 253;

/// Up to this many, curve25519-dalek's own sums are faster.
const MAX_SMALL: usize = 192;

/// Fewer elements are not worth a thread's own buckets.
const MIN_PART: usize = 4096;
/// Keeps threads equally busy to the end.
const MAX_PART: usize = 1 << 18;

const WORD_BITS: u32 = 64;
const WORDS: usize = 4;

/// A scalar with half of the largest digit added at each place but the last.
pub type Shifted = [u64; WORDS];

/// How scalars of up to `bits` bits are cut into digits of `width` bits.
///
/// Digits are from `-2^(width - 1)` to `2^(width - 1) - 1`, which halves the number of buckets; only the last digit is
/// never negative. Adding half of the largest digit at each place once turns them into plain bits of a sum.
#[derive(Clone, Copy, Debug)]
pub struct Digits {
    width: u32,
    bits: u32,
    halves: Shifted,
}

impl Digits {
    /// Takes a width from 2 to 24 bits, and 1 to [`SCALAR_BITS`] bits of scalars.
    #[must_use]
    pub fn new(width: u32, bits: u32) -> Self {
        let mut halves = [0; WORDS];
        for place in 1..bits.div_ceil(width) {
            let bit = place * width - 1;
            halves[(bit / WORD_BITS) as usize] |= 1 << (bit % WORD_BITS);
        }
        Self { width, bits, halves }
    }

    /// Returns how many digits a scalar has.
    #[must_use]
    pub fn count(&self) -> usize {
        self.bits.div_ceil(self.width) as usize
    }

    /// Returns the largest absolute value of a digit at `place`.
    #[must_use]
    pub fn largest(&self, place: usize) -> usize {
        let width = if self.is_last(place) { self.bits - place_bit(place, self.width) } else { self.width - 1 };
        1 << width
    }

    /// Prepares a scalar.
    #[must_use]
    pub fn shift(&self, scalar: &Scalar) -> Shifted {
        let bytes = scalar.as_bytes();
        let mut carry = false;
        std::array::from_fn(|i| {
            let word = u64::from_le_bytes(std::array::from_fn(|byte| bytes[8 * i + byte]));
            let (sum, first) = word.overflowing_add(self.halves[i]);
            let (sum, second) = sum.overflowing_add(u64::from(carry));
            carry = first | second;
            sum
        })
    }

    /// Returns the digit of a prepared scalar at `place`.
    #[must_use]
    #[allow(clippy::cast_possible_truncation, clippy::cast_possible_wrap)]
    pub fn digit(&self, shifted: &Shifted, place: usize) -> i32 {
        let bit = place_bit(place, self.width);
        let (word, offset) = ((bit / WORD_BITS) as usize, bit % WORD_BITS);
        let low = shifted[word] >> offset;
        let high = shifted.get(word + 1).map_or(0, |&next| if offset == 0 { 0 } else { next << (WORD_BITS - offset) });
        if self.is_last(place) {
            return (low | high) as i32;
        }
        let mask = (1 << self.width) - 1;
        ((low | high) & mask) as i32 - (1 << (self.width - 1))
    }

    fn is_last(&self, place: usize) -> bool {
        place + 1 == self.count()
    }
}

#[allow(clippy::cast_possible_truncation)]
fn place_bit(place: usize, width: u32) -> u32 {
    place as u32 * width
}

/// Returns the sum of each element times its scalar, a column of one.
///
/// # Errors
/// [`Misfit::Unequal`].
pub fn multi_scalar(arithmetic: Arithmetic, scalars: &[Scalar], elements: &Elements) -> Result<Elements, Misfit> {
    let (points, form) = elements.points();
    if scalars.len() != points.len() {
        return Err(Misfit::Unequal(scalars.len(), points.len()));
    }
    let sum = if points.len() <= MAX_SMALL {
        RistrettoPoint::vartime_multiscalar_mul(scalars, points)
    } else {
        let bits = scalars.iter().map(bits_of).max().unwrap_or(0).max(1);
        match arithmetic {
            Arithmetic::Lanes => sum_in_lanes(scalars, points, bits),
            Arithmetic::Single => sum_of_many(scalars, points, bits),
        }
    };
    Ok(Elements::one(sum, form))
}

/// Each thread adds up parts of the column, with buckets of its own.
fn sum_in_lanes(scalars: &[Scalar], points: &[RistrettoPoint], bits: u32) -> RistrettoPoint {
    let threads = chunks::processors();
    let size = points.len().div_ceil(2 * threads).clamp(MIN_PART, MAX_PART);
    let parts = scalars.chunks(size).zip(points.chunks(size)).collect();
    chunks::map_pieces(parts, threads, |(scalars, points)| lanes::multi_scalar(scalars, points, bits)).iter().sum()
}

/// Each place is a piece of work of its own for a thread.
fn sum_of_many(scalars: &[Scalar], points: &[RistrettoPoint], bits: u32) -> RistrettoPoint {
    let digits = Digits::new(best_width(points.len(), bits), bits);
    let threads = chunks::processors();
    // Few processors share the places; if there are more than places, each place is cut into parts.
    let parts = (2 * threads).div_ceil(digits.count());
    let size = points.len().div_ceil(parts);
    let pieces = (0..digits.count()).flat_map(|place| (0..parts).map(move |part| (place, part))).collect();
    let sums = chunks::map_pieces(pieces, threads, |(place, part)| {
        let range = (part * size).min(points.len())..((part + 1) * size).min(points.len());
        sum_of_place(digits, place, &scalars[range.clone()], &points[range])
    });
    let mut total = RistrettoPoint::identity();
    for of_place in sums.chunks(parts).rev() {
        total = (0..digits.width).fold(total, |total, _| total + total);
        total += of_place.iter().sum::<RistrettoPoint>();
    }
    total
}

/// Returns the sum of the digits of one place, each times its point.
fn sum_of_place(digits: Digits, place: usize, scalars: &[Scalar], points: &[RistrettoPoint]) -> RistrettoPoint {
    let mut buckets = vec![RistrettoPoint::identity(); digits.largest(place)];
    for (scalar, point) in scalars.iter().zip(points) {
        let digit = digits.digit(&digits.shift(scalar), place);
        if let Some(index) = digit.unsigned_abs().checked_sub(1) {
            let bucket = &mut buckets[index as usize];
            if digit > 0 { *bucket += point } else { *bucket -= point }
        }
    }
    // Each bucket is added as often as its digit says, by adding up the sums of all buckets from it upwards.
    let (mut sum, mut above) = (RistrettoPoint::identity(), RistrettoPoint::identity());
    for bucket in buckets.iter().rev() {
        above += bucket;
        sum += &above;
    }
    sum
}

/// Returns the width of digits for which the fewest additions are needed.
fn best_width(points: usize, bits: u32) -> u32 {
    let additions = |width: u32| u64::from(bits.div_ceil(width)) * (points as u64 + (1 << width));
    (2..=18).min_by_key(|&width| additions(width)).unwrap_or(8)
}

fn bits_of(scalar: &Scalar) -> u32 {
    let bytes = scalar.as_bytes();
    let top = bytes.iter().rposition(|&byte| byte != 0);
    top.map_or(0, |top| u32::try_from(8 * top).unwrap_or(0) + u8::BITS - bytes[top].leading_zeros())
}
