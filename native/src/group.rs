//! X25519 (RFC 7748), one at a time and several.
//!
//! The ladder is the assembly of graviola (s2n-bignum, formally verified) where the processor has what it needs,
//! otherwise that of curve25519-dalek. Where it has AVX-512 IFMA, several ladders run side by side (`lanes`), each then
//! taking about a quarter of the time. The choice is made once, at run time.

#![deny(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::montgomery::MontgomeryPoint;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

use crate::geometry::ELEMENT_BYTES;

mod blinding;

pub use blinding::Blinding;

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

    /// Multiplies `point` by the clamped `exponent`; `None` if the result is all zero (low order, RFC 7748 6.1).
    ///
    /// Encodings that are not canonical are read as RFC 7748 says.
    #[must_use]
    pub fn x25519(self, exponent: &Exponent, point: &Element) -> Option<Element> {
        match self {
            Self::Lanes | Self::Assembly => assembly::x25519(exponent, point),
            Self::Portable => not_zero(MontgomeryPoint(*point).mul_clamped(*exponent).to_bytes()),
        }
    }

    /// Does [`Ladder::x25519`] for each pair, in order. The products are overwritten when they are dropped.
    #[must_use]
    pub fn x25519_each(self, pairs: &[(&Exponent, &Element)]) -> Zeroizing<Vec<Option<Element>>> {
        // Of its whole length from the beginning: one that grew would leave copies where it was.
        let mut products = Zeroizing::new(Vec::with_capacity(pairs.len()));
        let chunks = if self == Self::Lanes { pairs.chunks(lanes::LANES) } else { pairs.chunks(pairs.len().max(1)) };
        for chunk in chunks {
            if self == Self::Lanes && chunk.len() >= MIN_LANES {
                side_by_side(chunk, &mut products);
            } else {
                products.extend(chunk.iter().map(|(exponent, point)| self.x25519(exponent, point)));
            }
        }
        products
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

/// Runs up to [`lanes::LANES`] ladders at once, and appends the products; lanes that are left over repeat the first pair.
fn side_by_side(pairs: &[(&Exponent, &Element)], appended_to: &mut Vec<Option<Element>>) {
    let pair = |lane: usize| pairs.get(lane).unwrap_or(&pairs[0]);
    let exponents = Zeroizing::new(std::array::from_fn(|lane| *pair(lane).0));
    let points = std::array::from_fn(|lane| *pair(lane).1);
    let products = Zeroizing::new(lanes::x25519(&exponents, &points));
    appended_to.extend(products.iter().take(pairs.len()).copied().map(not_zero));
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
mod assembly;

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
