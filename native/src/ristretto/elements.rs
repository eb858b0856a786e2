//! Columns of elements.

#![forbid(unsafe_code)]

use std::borrow::Cow;
use std::sync::atomic::{AtomicUsize, Ordering};

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use zeroize::Zeroizing;

use super::arithmetic::Arithmetic;
use super::chunks::{self, Nanoseconds};
use super::column::{Column, Misfit, Pairs, Pieces};

/// Bytes of an encoded element.
pub const ELEMENT_BYTES: usize = 32;

const DECODE: Nanoseconds = Nanoseconds(1000);
const ENCODE: Nanoseconds = Nanoseconds(1000);
const ENCODE_DOUBLES: Nanoseconds = Nanoseconds(200);
const ADD: Nanoseconds = Nanoseconds(200);
const COMPARE: Nanoseconds = Nanoseconds(100);
const MULTIPLY: Nanoseconds = Nanoseconds(8000);

/// What the points of a column stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// The elements themselves.
    Whole,
    /// Halves of the elements. The doubles of points can be encoded many at a time, the points themselves cannot.
    Halves,
}

impl Form {
    /// Returns the factor that makes half of the product of a scalar and a point of this form.
    #[must_use]
    pub fn factor_for_halves(self, scalar: &Scalar) -> Scalar {
        match self {
            Self::Whole => scalar.div_by_2(),
            Self::Halves => *scalar,
        }
    }
}

/// A column of elements.
#[derive(Clone)]
pub struct Elements {
    points: Column<RistrettoPoint>,
    form: Form,
}

impl Elements {
    /// Makes a column of points that stand for what `form` says.
    #[must_use]
    pub fn new(points: Vec<RistrettoPoint>, form: Form) -> Self {
        Self { points: points.into(), form }
    }

    /// Makes a column of one.
    #[must_use]
    pub fn one(point: RistrettoPoint, form: Form) -> Self {
        Self::new(vec![point], form)
    }

    /// Makes a column of halves: `fill` gets the index of the first of each chunk, and the chunk.
    pub(super) fn filled(
        length: usize,
        form: Form,
        cost: Nanoseconds,
        fill: impl Fn(usize, &mut [RistrettoPoint]) + Sync,
    ) -> Self {
        let mut points = vec![RistrettoPoint::identity(); length];
        chunks::fill(&mut points, cost, fill);
        Self::new(points, form)
    }

    /// Decodes canonical encodings. `Ok(Err(index))`: the first that is none.
    ///
    /// # Errors
    /// [`Misfit::Bytes`].
    pub fn decode(bytes: &[u8]) -> Result<Result<Self, usize>, Misfit> {
        let encodings = Pieces::<ELEMENT_BYTES>::new(bytes)?;
        let first_bad = AtomicUsize::new(usize::MAX);
        let elements = Self::filled(encodings.len(), Form::Whole, DECODE, |begin, chunk| {
            let encodings: Vec<_> = encodings.from(begin).take(chunk.len()).collect();
            Arithmetic::pick().decode(&encodings, chunk, |index| {
                first_bad.fetch_min(begin + index, Ordering::Relaxed);
            });
        });
        let first_bad = first_bad.into_inner();
        Ok(if first_bad == usize::MAX { Ok(elements) } else { Err(first_bad) })
    }

    /// Returns the encoding of each.
    #[must_use]
    pub fn encode(&self) -> Vec<[u8; ELEMENT_BYTES]> {
        let points = &*self.points;
        let mut encodings = vec![[0; ELEMENT_BYTES]; points.len()];
        match self.form {
            Form::Whole => chunks::fill(&mut encodings, ENCODE, |begin, chunk| {
                Arithmetic::pick().encode(&points[begin..begin + chunk.len()], chunk);
            }),
            Form::Halves => chunks::fill(&mut encodings, ENCODE_DOUBLES, |begin, chunk| {
                Arithmetic::pick().encode_doubles(&points[begin..begin + chunk.len()], chunk);
            }),
        }
        encodings
    }

    /// Returns how many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.points.len()
    }

    /// Tells whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.points.is_empty()
    }

    /// Returns the points, and what they stand for.
    #[must_use]
    pub fn points(&self) -> (&[RistrettoPoint], Form) {
        (&self.points, self.form)
    }

    /// Returns a part, sharing the memory.
    ///
    /// # Panics
    /// If `part` does not lie inside.
    #[must_use]
    pub fn part(&self, part: std::ops::Range<usize>) -> Self {
        Self { points: self.points.part(part), form: self.form }
    }

    /// Returns the elements at `indices`, in that order.
    ///
    /// # Errors
    /// [`Misfit::Index`].
    pub fn take(&self, indices: &[usize]) -> Result<Self, Misfit> {
        Ok(Self { points: self.points.take(indices)?, form: self.form })
    }

    /// Returns all elements of several columns, in order.
    #[must_use]
    pub fn join(columns: &[&Self]) -> Self {
        let form = common_form(columns);
        let points: Vec<_> = columns.iter().map(|column| column.in_form(form)).collect();
        let slices: Vec<&[RistrettoPoint]> = points.iter().map(|points| &**points).collect();
        Self { points: Column::join(&slices), form }
    }

    /// Adds pairwise.
    ///
    /// # Errors
    /// [`Misfit::Lengths`].
    pub fn add(&self, other: &Self) -> Result<Self, Misfit> {
        self.each_pair(other, |left, right| left + right)
    }

    /// Subtracts pairwise.
    ///
    /// # Errors
    /// [`Misfit::Lengths`].
    pub fn subtract(&self, other: &Self) -> Result<Self, Misfit> {
        self.each_pair(other, |left, right| left - right)
    }

    /// Negates each.
    #[must_use]
    pub fn negate(&self) -> Self {
        Self::filled(self.len(), self.form, COMPARE, |begin, chunk| {
            for (point, out) in self.points[begin..].iter().zip(chunk) {
                *out = -point;
            }
        })
    }

    /// Multiplies pairwise by scalars.
    ///
    /// # Errors
    /// [`Misfit::Lengths`].
    pub fn times(&self, scalars: &[Scalar]) -> Result<Self, Misfit> {
        let pairs = Pairs::new(&self.points, scalars)?;
        Ok(Self::filled(pairs.len(), Form::Halves, MULTIPLY, |begin, chunk| {
            let pairs = pairs.from(begin).take(chunk.len());
            let (points, scalars): (Vec<_>, Vec<_>) =
                pairs.map(|(point, scalar)| (*point, self.form.factor_for_halves(scalar))).unzip();
            Arithmetic::pick().times(&points, &Zeroizing::new(scalars), chunk);
        }))
    }

    /// Returns the sum.
    #[must_use]
    pub fn sum(&self) -> Self {
        let sums = chunks::map(self.len(), ADD, |range| self.points[range].iter().sum::<RistrettoPoint>());
        Self::one(sums.iter().sum(), self.form)
    }

    /// Tells for each whether it is the neutral element.
    #[must_use]
    pub fn is_identity(&self) -> Vec<bool> {
        // Half of an element is neutral only if the element is, since the order of the group is odd.
        self.points.iter().map(|point| *point == RistrettoPoint::identity()).collect()
    }

    /// Tells whether two columns hold equal elements.
    #[must_use]
    pub fn equal(&self, other: &Self) -> bool {
        let form = common_form(&[self, other]);
        let (left, right) = (self.in_form(form), other.in_form(form));
        let same = |range: std::ops::Range<usize>| left[range.clone()] == right[range];
        left.len() == right.len() && chunks::map(left.len(), COMPARE, same).into_iter().all(|same| same)
    }

    fn each_pair(
        &self,
        other: &Self,
        combine: impl Fn(&RistrettoPoint, &RistrettoPoint) -> RistrettoPoint + Sync,
    ) -> Result<Self, Misfit> {
        let form = common_form(&[self, other]);
        let (left, right) = (self.in_form(form), other.in_form(form));
        let pairs = Pairs::new(&left, &right)?;
        Ok(Self::filled(pairs.len(), form, ADD, |begin, chunk| {
            for ((left, right), out) in pairs.from(begin).zip(chunk) {
                *out = combine(left, right);
            }
        }))
    }

    /// Returns the points in a form: as they are, or doubled. Whole points are never asked for as halves.
    fn in_form(&self, form: Form) -> Cow<'_, [RistrettoPoint]> {
        if self.form == form {
            return Cow::Borrowed(&self.points);
        }
        let mut doubles = vec![RistrettoPoint::identity(); self.len()];
        chunks::fill(&mut doubles, ADD, |begin, chunk| {
            for (point, out) in self.points[begin..].iter().zip(chunk) {
                *out = point + point;
            }
        });
        Cow::Owned(doubles)
    }
}

/// Returns the form that all columns can be brought into: halves only if all are.
fn common_form(columns: &[&Elements]) -> Form {
    let all_halves = columns.iter().all(|column| column.form == Form::Halves);
    if all_halves && !columns.is_empty() { Form::Halves } else { Form::Whole }
}
