//! X25519 (RFC 7748) and chains of it.
//!
//! The ladder is the assembly of graviola (s2n-bignum, formally verified) where the processor has what it needs,
//! otherwise that of curve25519-dalek. Where it has AVX-512 IFMA, several ladders run side by side (`lanes`), each then
//! taking about a quarter of the time. The choice is made once, at run time.

#![deny(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::montgomery::MontgomeryPoint;
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use subtle::{Choice, ConditionallySelectable, ConstantTimeEq};
use zeroize::{Zeroize, Zeroizing};

use crate::geometry::ELEMENT_BYTES;

/// The canonical encoding of a u-coordinate.
pub type Element = [u8; ELEMENT_BYTES];

/// A private scalar or blinding exponent, clamped wherever it is used.
pub type Exponent = [u8; ELEMENT_BYTES];

/// From this many on, ladders side by side are faster than one by one.
const MIN_LANES: usize = 3;

/// Implementations of X25519.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ladder {
    /// Our own on AVX-512 IFMA for several at once, graviola's assembly for one.
    Lanes,
    /// graviola's assembly.
    Assembly,
    /// curve25519-dalek.
    Portable,
}

impl Ladder {
    /// Returns the fastest implementation that this processor can run.
    #[must_use]
    pub fn pick() -> Self {
        static PICKED: OnceLock<Ladder> = OnceLock::new();
        *PICKED.get_or_init(|| {
            let fastest_first = [Self::Lanes, Self::Assembly];
            fastest_first.into_iter().find(|ladder| ladder.is_supported()).unwrap_or(Self::Portable)
        })
    }

    /// Tells whether this processor can run it.
    #[must_use]
    pub fn is_supported(self) -> bool {
        match self {
            Self::Lanes => lanes::is_supported() && assembly::is_supported(),
            Self::Assembly => assembly::is_supported(),
            Self::Portable => true,
        }
    }

    /// Names the library behind it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lanes => "graviola, avx512ifma",
            Self::Assembly => "graviola",
            Self::Portable => "curve25519-dalek",
        }
    }

    /// Multiplies `point` by the clamped `exponent`; `None` where the result is all zero (low order, RFC 7748 6.1).
    ///
    /// Encodings that are not canonical are read as RFC 7748 says.
    #[must_use]
    pub fn x25519(self, exponent: &Exponent, point: &Element) -> Option<Element> {
        match self {
            Self::Lanes | Self::Assembly => assembly::x25519(exponent, point),
            Self::Portable => not_zero(MontgomeryPoint(*point).mul_clamped(*exponent).to_bytes()),
        }
    }

    /// Does [`Ladder::x25519`] for each pair, in order.
    #[must_use]
    pub fn x25519_each(self, pairs: &[(&Exponent, &Element)]) -> Vec<Option<Element>> {
        let one_by_one = |pairs: &[(&Exponent, &Element)]| -> Vec<_> {
            pairs.iter().map(|(exponent, point)| self.x25519(exponent, point)).collect()
        };
        match self {
            Self::Lanes => pairs
                .chunks(lanes::LANES)
                .flat_map(|chunk| if chunk.len() < MIN_LANES { one_by_one(chunk) } else { side_by_side(chunk) })
                .collect(),
            Self::Assembly | Self::Portable => one_by_one(pairs),
        }
    }

    /// Says how many pairs [`Ladder::x25519_each`] likes to get at once.
    #[must_use]
    pub fn group_size(self) -> usize {
        match self {
            Self::Lanes => lanes::LANES,
            Self::Assembly | Self::Portable => 1,
        }
    }

    /// Multiplies the base point by the clamped `exponent`.
    #[must_use]
    pub fn public_key(self, exponent: &Exponent) -> Element {
        match self {
            Self::Lanes | Self::Assembly => assembly::public_key(exponent),
            Self::Portable => MontgomeryPoint::mul_base_clamped(*exponent).to_bytes(),
        }
    }
}

/// Runs up to [`lanes::LANES`] ladders at once; lanes that are left over repeat the first pair.
fn side_by_side(pairs: &[(&Exponent, &Element)]) -> Vec<Option<Element>> {
    let pair = |lane: usize| pairs.get(lane).unwrap_or(&pairs[0]);
    let exponents = Zeroizing::new(std::array::from_fn(|lane| *pair(lane).0));
    let points = std::array::from_fn(|lane| *pair(lane).1);
    let products = Zeroizing::new(lanes::x25519(&exponents, &points));
    products.iter().take(pairs.len()).copied().map(not_zero).collect()
}

fn not_zero(product: Element) -> Option<Element> {
    (!bool::from(product.ct_eq(&[0; ELEMENT_BYTES]))).then_some(product)
}

/// Tells whether `u` is below p = 2^255 - 19, so that it is the one encoding of its point.
#[must_use]
pub fn is_canonical(u: &Element) -> bool {
    let top = u[ELEMENT_BYTES - 1];
    let all_ones_above = u[1..ELEMENT_BYTES - 1].iter().all(|&byte| byte == 0xff);
    top < 0x7f || (top == 0x7f && !(all_ones_above && u[0] >= 0xed))
}

/// Tells whether `u` belongs to the curve itself, not to its twist.
#[must_use]
pub fn is_on_curve(u: &Element) -> bool {
    MontgomeryPoint(*u).to_edwards(0).is_some()
}

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
    ladder: Ladder,
    product: Scalar,
    factors: Vec<Exponent>,
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

    /// Returns the multiple of `point`, which must be on the curve; `None` where it is of low order.
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
fn representative(product: &Scalar) -> Option<Zeroizing<Exponent>> {
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

#[cfg(has_lanes)]
mod lanes;

#[cfg(not(has_lanes))]
mod lanes {
    use super::{Element, Exponent, Ladder};

    pub(super) const LANES: usize = 8;

    pub(super) fn is_supported() -> bool {
        false
    }

    pub(super) fn x25519(exponents: &[Exponent; LANES], points: &[Element; LANES]) -> [Element; LANES] {
        std::array::from_fn(|i| Ladder::Portable.x25519(&exponents[i], &points[i]).unwrap_or_default())
    }
}

#[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
mod assembly {
    use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};

    use super::{Element, Exponent};

    /// graviola panics at first use on a processor without these, so they are looked for beforehand.
    #[cfg(target_arch = "x86_64")]
    pub(super) fn is_supported() -> bool {
        std::arch::is_x86_feature_detected!("aes")
            && std::arch::is_x86_feature_detected!("pclmulqdq")
            && std::arch::is_x86_feature_detected!("ssse3")
            && std::arch::is_x86_feature_detected!("bmi1")
            && std::arch::is_x86_feature_detected!("bmi2")
            && std::arch::is_x86_feature_detected!("adx")
            && std::arch::is_x86_feature_detected!("avx")
            && std::arch::is_x86_feature_detected!("avx2")
    }

    #[cfg(target_arch = "aarch64")]
    pub(super) fn is_supported() -> bool {
        std::arch::is_aarch64_feature_detected!("neon")
            && std::arch::is_aarch64_feature_detected!("aes")
            && std::arch::is_aarch64_feature_detected!("pmull")
            && std::arch::is_aarch64_feature_detected!("sha2")
    }

    pub(super) fn x25519(exponent: &Exponent, point: &Element) -> Option<Element> {
        let shared = StaticPrivateKey::from_array(exponent).diffie_hellman(&PublicKey::from_array(point)).ok()?;
        Some(shared.0)
    }

    pub(super) fn public_key(exponent: &Exponent) -> Element {
        StaticPrivateKey::from_array(exponent).public_key().as_bytes()
    }
}

#[cfg(not(any(target_arch = "x86_64", target_arch = "aarch64")))]
mod assembly {
    use super::{Element, Exponent, Ladder};

    pub(super) fn is_supported() -> bool {
        false
    }

    pub(super) fn x25519(exponent: &Exponent, point: &Element) -> Option<Element> {
        Ladder::Portable.x25519(exponent, point)
    }

    pub(super) fn public_key(exponent: &Exponent) -> Element {
        Ladder::Portable.public_key(exponent)
    }
}

#[cfg(test)]
mod tests;
