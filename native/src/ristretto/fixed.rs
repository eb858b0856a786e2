//! One element times many scalars, by tables.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use zeroize::Zeroizing;

use super::arithmetic::{Arithmetic, PublicTable, Table};
use super::chunks::Nanoseconds;
use super::elements::{Elements, Form};

const MULTIPLY: Nanoseconds = Nanoseconds(1500);

/// Tables for one element. They are made when they are first used.
pub struct FixedBase {
    arithmetic: Arithmetic,
    base: Elements,
    /// For secret scalars.
    table: OnceLock<Table>,
    /// For scalars that are no secret.
    public: OnceLock<PublicTable>,
}

impl FixedBase {
    /// Takes a column of one element.
    #[must_use]
    pub fn new(arithmetic: Arithmetic, base: Elements) -> Self {
        Self { arithmetic, base, table: OnceLock::new(), public: OnceLock::new() }
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
        products(scalars, form, |factors, out| table.times(factors, out))
    }

    /// Multiplies by each scalar, in a time that depends on the scalars.
    #[must_use]
    pub fn times_public(&self, scalars: &[Scalar]) -> Elements {
        let (point, form) = self.point();
        let table = self.public.get_or_init(|| PublicTable::new(self.arithmetic, point));
        products(scalars, form, |factors, out| table.times(factors, out))
    }

    fn point(&self) -> (RistrettoPoint, Form) {
        let (points, form) = self.base.points();
        (points.first().copied().unwrap_or_else(RistrettoPoint::identity), form)
    }
}

fn products(scalars: &[Scalar], form: Form, multiply: impl Fn(&[Scalar], &mut [RistrettoPoint]) + Sync) -> Elements {
    Elements::filled(scalars.len(), Form::Halves, MULTIPLY, |begin, chunk| {
        let scalars = scalars[begin..begin + chunk.len()].iter();
        let factors: Vec<Scalar> = scalars.map(|scalar| form.factor_for_halves(scalar)).collect();
        multiply(&Zeroizing::new(factors), chunk);
    })
}
