//! One element times many scalars, by tables.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::ristretto::{RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;

use super::chunks::{self, Nanoseconds};
use super::elements::{Elements, Form};
use super::sums::{Digits, SCALAR_BITS};

const MULTIPLY: Nanoseconds = Nanoseconds(11_000);
const MULTIPLY_PUBLIC: Nanoseconds = Nanoseconds(4_000);

/// Bits of a digit in the large tables, which then take 7 MiB: a compromise between the number of additions and what
/// the caches hold.
const WIDTH: u32 = 12;

/// Tables for one element.
pub struct FixedBase {
    base: Elements,
    /// For secret scalars: small, and read whole at each step.
    table: OnceLock<Box<RistrettoBasepointTable>>,
    /// For scalars that are no secret.
    large: OnceLock<LargeTable>,
}

impl FixedBase {
    /// Takes a column of one element. The tables are made when they are first used.
    #[must_use]
    pub fn new(base: Elements) -> Self {
        Self { base, table: OnceLock::new(), large: OnceLock::new() }
    }

    /// Returns the element, a column of one.
    #[must_use]
    pub fn base(&self) -> &Elements {
        &self.base
    }

    /// Multiplies by each scalar.
    #[must_use]
    pub fn times(&self, scalars: &[Scalar]) -> Elements {
        let (point, form) = self.point();
        let table = self.table.get_or_init(|| Box::new(RistrettoBasepointTable::create(&point)));
        Elements::filled(scalars.len(), Form::Halves, MULTIPLY, |begin, chunk| {
            for (scalar, out) in scalars[begin..].iter().zip(chunk) {
                *out = &halved(scalar, form) * &**table;
            }
        })
    }

    /// Multiplies by each scalar, in a time that depends on the scalars.
    #[must_use]
    pub fn times_public(&self, scalars: &[Scalar]) -> Elements {
        let (point, form) = self.point();
        let table = self.large.get_or_init(|| LargeTable::new(point));
        Elements::filled(scalars.len(), Form::Halves, MULTIPLY_PUBLIC, |begin, chunk| {
            for (scalar, out) in scalars[begin..].iter().zip(chunk) {
                *out = table.times(&halved(scalar, form));
            }
        })
    }

    fn point(&self) -> (RistrettoPoint, Form) {
        let (points, form) = self.base.points();
        (points.first().copied().unwrap_or_else(RistrettoPoint::identity), form)
    }
}

/// Returns the scalar that makes half of the product of a point that stands for `form`.
fn halved(scalar: &Scalar, form: Form) -> Scalar {
    match form {
        Form::Whole => scalar.div_by_2(),
        Form::Halves => *scalar,
    }
}

/// All multiples that one digit can ask for, for each place of a digit.
struct LargeTable {
    digits: Digits,
    multiples: Vec<Vec<RistrettoPoint>>,
}

impl LargeTable {
    fn new(point: RistrettoPoint) -> Self {
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

    fn times(&self, scalar: &Scalar) -> RistrettoPoint {
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
