//! How curve25519-dalek's points lie in memory.
//!
//! Its interface gives coordinates away only encoded, which costs a square root each way. So here they are read and
//! written in place. Nothing in the language fixes the order of the fields of a point: [`is_known`] finds out whether
//! it is the expected one, and where it is not, nobody may call the other functions.

#![allow(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT;
use curve25519_dalek::ristretto::RistrettoPoint;

/// Limbs of 51 bits, the lowest first; they may be a little longer.
pub type Limbs = [u64; 5];

/// X, Y, Z and T of extended coordinates: x = X/Z, y = Y/Z, xy = T/Z (RFC 8032, section 5.1.4).
pub type Coordinates = [Limbs; 4];

/// The generator (RFC 8032, section 5.1) in limbs. No two coordinates are equal.
const GENERATOR: Coordinates = [
    [1_738_742_601_995_546, 1_146_398_526_822_698, 2_070_867_633_025_821, 562_264_141_797_630, 587_772_402_128_613],
    [1_801_439_850_948_184, 1_351_079_888_211_148, 450_359_962_737_049, 900_719_925_474_099, 1_801_439_850_948_198],
    [1, 0, 0, 0, 0],
    [1_841_354_044_333_475, 16_398_895_984_059, 755_974_180_946_558, 900_171_276_175_154, 1_821_297_809_914_039],
];

/// Tells whether points are laid out as [`Coordinates`].
#[must_use]
pub fn is_known() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        // SAFETY: sizes are equal where it is reached. A point of this size has no padding: it consists of 4 field
        // elements, which are arrays of integers on every backend.
        size_of::<RistrettoPoint>() == size_of::<Coordinates>()
            && unsafe { std::mem::transmute_copy::<_, Coordinates>(&RISTRETTO_BASEPOINT_POINT) } == GENERATOR
    })
}

/// Looks at the coordinates of points.
///
/// # Panics
/// If the layout is not known.
#[must_use]
pub fn coordinates(points: &[RistrettoPoint]) -> &[Coordinates] {
    assert!(is_known() && align_of::<RistrettoPoint>() >= align_of::<Coordinates>());
    // SAFETY: sizes are equal, the alignment suffices, and any bytes are integers.
    unsafe { std::slice::from_raw_parts(points.as_ptr().cast(), points.len()) }
}

/// Gives the coordinates of points to be changed. They must become those of points of the curve: that is not checked.
///
/// # Panics
/// If the layout is not known.
#[must_use]
pub fn coordinates_mut(points: &mut [RistrettoPoint]) -> &mut [Coordinates] {
    assert!(is_known() && align_of::<RistrettoPoint>() >= align_of::<Coordinates>());
    // SAFETY: as above; and a point consists of integers, all of whose values are valid.
    unsafe { std::slice::from_raw_parts_mut(points.as_mut_ptr().cast(), points.len()) }
}
