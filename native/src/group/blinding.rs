//! Products of blinding exponents, so that a sender needs one ladder for each hop.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::scalar::{Scalar, clamp_integer};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use super::{Element, Exponent, Ladder};
use crate::geometry::ELEMENT_BYTES;

/// The product of clamped exponents, as Sphinx blinds with it: x, x b1, x b1 b2, ...
///
/// The definition is one ladder after another, `X25519(b_i, ... X25519(b_1, X25519(x, P)))`, which costs n^2 / 2
/// ladders for n hops. Here the product is kept modulo the order l of the prime-order subgroup, and one ladder with a
/// clamped representative of it gives the same u-coordinate wherever P is on the curve. Why: the first clamped factor
/// is a multiple of 8, so it removes the torsion part of P and the rest happens in the subgroup of order l. The
/// representative is `8 k` with `k = product / 8 mod l`, again a multiple of 8, or `8 (l - k)`, which gives the
/// negative point and so the same u. As l = 2^252 + c with c < 2^125, one of k and l - k is in [2^251, 2^252), which is
/// what clamping asks for (bit 254 set, bit 255 clear), but for k < c or k > 2^252: about one product in 2^127.
/// Those take the ladders one after another.
pub struct Blinding {
    pub(super) ladder: Ladder,
    pub(super) product: Scalar,
    pub(super) factors: Vec<Exponent>,
}

impl Blinding {
    /// Starts with the sender's secret x.
    #[must_use]
    pub fn new(ladder: Ladder, secret: &Exponent, hops: usize) -> Self {
        let mut factors = Vec::with_capacity(hops + 1);
        factors.push(*secret);
        Self { ladder, product: clamped_scalar(secret), factors }
    }

    /// Multiplies by the blinding exponent of the next hop.
    pub fn blind(&mut self, exponent: &Exponent) {
        self.product *= clamped_scalar(exponent);
        self.factors.push(*exponent);
    }

    /// Returns the multiple of the base point (Sphinx: alpha).
    #[must_use]
    pub fn base(&self) -> Element {
        match representative(&self.product) {
            Some(exponent) => self.ladder.public_key(&exponent),
            None => self.base_in_sequence(),
        }
    }

    /// Returns the multiple of `point`, which must be on the curve; `None` if it is of low order.
    #[must_use]
    pub fn times(&self, point: &Element) -> Option<Element> {
        match representative(&self.product) {
            Some(exponent) => self.ladder.x25519(&exponent, point),
            None => self.times_in_sequence(point),
        }
    }

    fn base_in_sequence(&self) -> Element {
        let first = self.ladder.public_key(&self.factors[0]);
        // The base point has prime order and clamped factors are never 0 modulo it: no product is all zero.
        self.factors[1..].iter().fold(first, |u, factor| self.ladder.x25519(factor, &u).unwrap_or_default())
    }

    fn times_in_sequence(&self, point: &Element) -> Option<Element> {
        self.factors.iter().try_fold(*point, |u, factor| self.ladder.x25519(factor, &u))
    }
}

impl Drop for Blinding {
    fn drop(&mut self) {
        self.product.zeroize();
        self.factors.zeroize();
    }
}

fn clamped_scalar(exponent: &Exponent) -> Scalar {
    let clamped = Zeroizing::new(clamp_integer(*exponent));
    Scalar::from_bytes_mod_order(*clamped)
}

/// 1/8 modulo l.
fn eighth() -> Scalar {
    static EIGHTH: OnceLock<Scalar> = OnceLock::new();
    *EIGHTH.get_or_init(|| Scalar::from(8_u8).invert())
}

/// Finds a clamped integer that is `product` or its negative modulo l and a multiple of 8; see [`Blinding`].
pub(super) fn representative(product: &Scalar) -> Option<Zeroizing<Exponent>> {
    let eighth_of_product = Zeroizing::new(product * eighth());
    let positive = Zeroizing::new(eighth_of_product.to_bytes());
    let negative = Zeroizing::new((-*eighth_of_product).to_bytes());
    let mut chosen = Zeroizing::new([0; ELEMENT_BYTES]);
    for (target, (a, b)) in chosen.iter_mut().zip(negative.iter().zip(positive.iter())) {
        *target = u8::conditional_select(a, b, fits(&positive));
    }
    // True but for about one product in 2^127, so that this branch tells nothing.
    bool::from(fits(&chosen)).then(|| Zeroizing::new(times_eight(&chosen)))
}

/// Tells whether the little-endian integer is in [2^251, 2^252).
fn fits(integer: &[u8; ELEMENT_BYTES]) -> Choice {
    (integer[ELEMENT_BYTES - 1] >> 3).ct_eq(&1)
}

fn times_eight(integer: &[u8; ELEMENT_BYTES]) -> [u8; ELEMENT_BYTES] {
    let mut carry = 0;
    integer.map(|byte| {
        let shifted = (byte << 3) | carry;
        carry = byte >> 5;
        shifted
    })
}
