//! One element times scalars that are no secret, by a large table and curve25519-dalek's additions.

#![forbid(unsafe_code)]

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

use super::chunks;
use super::sums::{Digits, SCALAR_BITS};

/// Bits of a digit; the table then takes 7 MiB: a compromise between the number of additions and what the caches hold.
const WIDTH: u32 = 12;

/// All multiples that one digit can ask for, for each place of a digit.
pub(super) struct LargeTable {
    digits: Digits,
    multiples: Vec<Vec<RistrettoPoint>>,
}

impl LargeTable {
    pub(super) fn new(point: RistrettoPoint) -> Self {
        let digits = Digits::new(WIDTH, SCALAR_BITS);
        let mut bases = vec![point];
        for _ in 1..digits.count() {
            let last = bases[bases.len() - 1];
            bases.push((0..WIDTH).fold(last, |point, _| point + point));
        }
        let pieces = bases.into_iter().enumerate().collect();
        let multiples = chunks::map_pieces(pieces, chunks::processors(), |(place, base)| {
            let next = |multiple: &RistrettoPoint| Some(multiple + base);
            std::iter::successors(Some(base), next).take(digits.largest(place)).collect()
        });
        Self { digits, multiples }
    }

    pub(super) fn times(&self, scalar: &Scalar) -> RistrettoPoint {
        let shifted = self.digits.shift(scalar);
        let mut sum = RistrettoPoint::identity();
        for (place, multiples) in self.multiples.iter().enumerate() {
            let digit = self.digits.digit(&shifted, place);
            if let Some(index) = digit.unsigned_abs().checked_sub(1) {
                let multiple = &multiples[index as usize];
                if digit > 0 { sum += multiple } else { sum -= multiple }
            }
        }
        sum
    }
}
