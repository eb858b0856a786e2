//! ristretto255 on eight elements side by side, one in each lane of AVX-512 IFMA: square roots in [`codec`], points in
//! [`points`], products and sums in [`products`] and [`sums`].
//!
//! Points come and go as curve25519-dalek's, whose coordinates are read and written in place ([`super::layout`]). Where
//! processor, compiler or layout are others, [`is_supported`] says so, and that library does all of the work. Tests hold
//! each function against it.

#![allow(unsafe_code)]
// The build script leaves this module out where the compiler is older than these intrinsics.
#![allow(clippy::incompatible_msrv)]
// Plain loops over limbs: closures of iterators would not be compiled for the features.
#![allow(clippy::needless_range_loop)]
// Names are those of the papers and RFCs.
#![allow(clippy::many_single_char_names, clippy::similar_names)]

mod codec;
mod numbers;
mod points;
mod products;
mod sums;

pub(super) use codec::{decode, encode, encode_doubles, hash};
pub(super) use products::{Multiples, PublicMultiples, times};
pub(super) use sums::multi_scalar;

use super::layout;
pub(super) use crate::lanes::LANES;

/// Tells whether the functions of this module may be called.
pub(super) fn is_supported() -> bool {
    crate::lanes::is_supported() && layout::is_known()
}
