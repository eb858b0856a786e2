//! Columns of integers modulo the order of the group.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

use curve25519_dalek::scalar::Scalar;
use subtle::{Choice, ConstantTimeEq};
use zeroize::Zeroizing;

use super::chunks::{self, Nanoseconds};
use super::column::{Column, Misfit, Pairs, Pieces};

/// Bytes of an encoded scalar.
pub const SCALAR_BYTES: usize = 32;
/// Bytes that are reduced to one scalar.
pub const WIDE_BYTES: usize = 64;

const DECODE: Nanoseconds = Nanoseconds(30);
const ADD: Nanoseconds = Nanoseconds(15);
const MULTIPLY: Nanoseconds = Nanoseconds(60);
const INVERT: Nanoseconds = Nanoseconds(200);

/// A column of scalars.
pub type Scalars = Column<Scalar>;

/// Decodes canonical encodings. `Ok(Err(index))`: the first that is not below the order.
///
/// # Errors
/// [`Misfit::Bytes`].
pub fn decode(bytes: &[u8]) -> Result<Result<Scalars, usize>, Misfit> {
    let encodings = Pieces::<SCALAR_BYTES>::new(bytes)?;
    let first_bad = AtomicUsize::new(usize::MAX);
    let scalars = filled(encodings.len(), DECODE, |begin, chunk| {
        for ((index, encoding), out) in (begin..).zip(encodings.from(begin)).zip(chunk) {
            match Option::from(Scalar::from_canonical_bytes(encoding)) {
                Some(scalar) => *out = scalar,
                None => _ = first_bad.fetch_min(index, Ordering::Relaxed),
            }
        }
    });
    let first_bad = first_bad.into_inner();
    Ok(if first_bad == usize::MAX { Ok(scalars) } else { Err(first_bad) })
}

/// Reads little-endian numbers of `width` bytes.
///
/// # Errors
/// [`Misfit::Bytes`], also for a width at which a number may reach the order.
pub fn short(bytes: &[u8], width: usize) -> Result<Scalars, Misfit> {
    if width == 0 || width >= SCALAR_BYTES || bytes.len() % width != 0 {
        return Err(Misfit::Bytes(bytes.len(), width));
    }
    Ok(filled(bytes.len() / width, DECODE, |begin, chunk| {
        for (number, out) in bytes[begin * width..].chunks_exact(width).zip(chunk) {
            let mut encoding = Zeroizing::new([0; SCALAR_BYTES]);
            encoding[..width].copy_from_slice(number);
            *out = Scalar::from_bytes_mod_order(*encoding);
        }
    }))
}

/// Reduces blocks of 64 little-endian bytes.
///
/// # Errors
/// [`Misfit::Bytes`].
pub fn reduce(bytes: &[u8]) -> Result<Scalars, Misfit> {
    let blocks = Pieces::<WIDE_BYTES>::new(bytes)?;
    Ok(filled(blocks.len(), MULTIPLY, |begin, chunk| {
        for (block, out) in blocks.from(begin).zip(chunk) {
            *out = Scalar::from_bytes_mod_order_wide(&block);
        }
    }))
}

/// Returns all encodings, one after another.
#[must_use]
pub fn encode(scalars: &[Scalar]) -> Vec<u8> {
    scalars.iter().flat_map(|scalar| *scalar.as_bytes()).collect()
}

/// Adds pairwise.
#[must_use]
pub fn add(pairs: &Pairs<'_, Scalar, Scalar>) -> Scalars {
    each_pair(pairs, ADD, |left, right| left + right)
}

/// Subtracts pairwise.
#[must_use]
pub fn subtract(pairs: &Pairs<'_, Scalar, Scalar>) -> Scalars {
    each_pair(pairs, ADD, |left, right| left - right)
}

/// Multiplies pairwise.
#[must_use]
pub fn multiply(pairs: &Pairs<'_, Scalar, Scalar>) -> Scalars {
    each_pair(pairs, MULTIPLY, |left, right| left * right)
}

/// Negates each.
#[must_use]
pub fn negate(scalars: &[Scalar]) -> Scalars {
    filled(scalars.len(), ADD, |begin, chunk| {
        for (scalar, out) in scalars[begin..].iter().zip(chunk) {
            *out = -scalar;
        }
    })
}

/// Inverts each; `None` if one is 0.
#[must_use]
pub fn invert(scalars: &[Scalar]) -> Option<Scalars> {
    let zeros = scalars.iter().fold(Choice::from(0), |found, scalar| found | scalar.ct_eq(&Scalar::ZERO));
    if zeros.into() {
        return None;
    }
    Some(filled(scalars.len(), INVERT, |begin, chunk| {
        chunk.copy_from_slice(&scalars[begin..begin + chunk.len()]);
        Scalar::invert_batch_alloc(chunk);
    }))
}

/// Returns the sum.
#[must_use]
pub fn sum(scalars: &[Scalar]) -> Scalar {
    chunks::map(scalars.len(), ADD, |range| scalars[range].iter().sum::<Scalar>()).iter().sum()
}

/// Returns the sum of the products.
///
/// # Errors
/// [`Misfit::Unequal`].
pub fn inner(left: &[Scalar], right: &[Scalar]) -> Result<Scalar, Misfit> {
    if left.len() != right.len() {
        return Err(Misfit::Unequal(left.len(), right.len()));
    }
    let products =
        |range: std::ops::Range<usize>| left[range.clone()].iter().zip(&right[range]).map(|(a, b)| a * b).sum();
    Ok(chunks::map(left.len(), MULTIPLY, products).iter().sum::<Scalar>())
}

/// Returns the products of the first one, two, three, ... scalars.
#[must_use]
pub fn running_products(scalars: &[Scalar]) -> Scalars {
    let mut product = Scalar::ONE;
    let mut products = Vec::with_capacity(scalars.len());
    for scalar in scalars {
        product *= scalar;
        products.push(product);
    }
    products.into()
}

/// Tells whether two columns are equal, in a time that depends on their lengths only.
#[must_use]
pub fn equal(left: &[Scalar], right: &[Scalar]) -> bool {
    let same = left.iter().zip(right).fold(Choice::from(1), |same, (a, b)| same & a.ct_eq(b));
    left.len() == right.len() && same.into()
}

fn each_pair(
    pairs: &Pairs<'_, Scalar, Scalar>,
    cost: Nanoseconds,
    combine: impl Fn(&Scalar, &Scalar) -> Scalar + Sync,
) -> Scalars {
    filled(pairs.len(), cost, |begin, chunk| {
        for ((left, right), out) in pairs.from(begin).zip(chunk) {
            *out = combine(left, right);
        }
    })
}

fn filled(length: usize, cost: Nanoseconds, fill: impl Fn(usize, &mut [Scalar]) + Sync) -> Scalars {
    let mut scalars = vec![Scalar::ZERO; length];
    chunks::fill(&mut scalars, cost, fill);
    scalars.into()
}
