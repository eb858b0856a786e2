//! One element times many scalars, by tables.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use zeroize::Zeroizing;

use super::arithmetic::{Arithmetic, Table};
use super::chunks::{self, Nanoseconds};
use super::elements::{Elements, Form};
use super::sums::{Digits, SCALAR_BITS};

const MULTIPLY: Nanoseconds = Nanoseconds(11_000);
const MULTIPLY_PUBLIC: Nanoseconds = Nanoseconds(4_000);

/// Bits of a digit in the large tables, which then take 7 MiB: a compromise between the number of additions and what
/// the caches hold.
const WIDTH: u32 = 12;

/// Tables for one element. They are made when they are first used.
pub struct FixedBase {
    arithmetic: Arithmetic,
    base: Elements,
    /// For secret scalars.
    table: OnceLock<Table>,
    /// For scalars that are no secret, where that is faster.
    large: OnceLock<LargeTable>,
}

impl FixedBase {
    /// Takes a column of one element.
    #[must_use]
    pub fn new(arithmetic: Arithmetic, base: Elements) -> Self {
        Self { arithmetic, base, table: OnceLock::new(), large: OnceLock::new() }
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
        let table = self.table.get_or_init(|| Table::new(self.arithmetic, point));
        Elements::filled(scalars.len(), Form::Halves, MULTIPLY, |begin, chunk| {
            let scalars = scalars[begin..begin + chunk.len()].iter();
            let factors: Zeroizing<Vec<Scalar>> =
                Zeroizing::new(scalars.map(|scalar| form.factor_for_halves(scalar)).collect());
            table.times(&factors, chunk);
        })
    }

    /// Multiplies by each scalar, in a time that depends on the scalars if that is faster.
    #[must_use]
    pub fn times_public(&self, scalars: &[Scalar]) -> Elements {
        if self.arithmetic == Arithmetic::Lanes {
            return self.times(scalars);
        }
        let (point, form) = self.point();
        let table = self.large.get_or_init(|| LargeTable::new(point));
        Elements::filled(scalars.len(), Form::Halves, MULTIPLY_PUBLIC, |begin, chunk| {
            for (scalar, out) in scalars[begin..].iter().zip(chunk) {
                *out = table.times(&form.factor_for_halves(scalar));
            }
        })
    }

    fn point(&self) -> (RistrettoPoint, Form) {
        let (points, form) = self.base.points();
        (points.first().copied().unwrap_or_else(RistrettoPoint::identity), form)
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
