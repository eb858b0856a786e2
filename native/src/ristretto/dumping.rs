//! Elements as they are computed with, for a program's own files: written and read back without square roots.
//!
//! An element is its four coordinates, each five limbs of 8 little-endian bytes. The highest bit of the last limb, which
//! is far above what a limb holds, tells that the point is half of the element. Where the layout of points is not known,
//! it is the ordinary encoding.

#![forbid(unsafe_code)]

use std::sync::atomic::{AtomicUsize, Ordering};

use curve25519_dalek::ristretto::RistrettoPoint;

use super::chunks::{self, Nanoseconds};
use super::column::{Misfit, Pieces};
use super::elements::{ELEMENT_BYTES, Elements, Form};
use super::layout::{self, Coordinates};

const COORDINATES_BYTES: usize = size_of::<Coordinates>();
const LIMB_BYTES: usize = size_of::<u64>();
const COPY: Nanoseconds = Nanoseconds(50);
const HALF: u64 = 1 << 63;
/// Above what curve25519-dalek leaves in a limb between two operations.
const LIMB_BITS: u32 = 54;

/// Returns the length of one dumped element.
#[must_use]
pub fn dump_bytes() -> usize {
    if layout::is_known() { COORDINATES_BYTES } else { ELEMENT_BYTES }
}

/// Writes elements.
#[must_use]
pub fn dump(elements: &Elements) -> Vec<u8> {
    if !layout::is_known() {
        return elements.encode().into_flattened();
    }
    let (points, form) = elements.points();
    let mut dumped = vec![[0; COORDINATES_BYTES]; points.len()];
    chunks::fill(&mut dumped, COPY, |begin, chunk| {
        for (coordinates, out) in layout::coordinates(&points[begin..begin + chunk.len()]).iter().zip(chunk) {
            let mut coordinates = *coordinates;
            coordinates[3][4] |= if form == Form::Halves { HALF } else { 0 };
            for (limb, bytes) in coordinates.as_flattened().iter().zip(out.chunks_exact_mut(LIMB_BYTES)) {
                bytes.copy_from_slice(&limb.to_le_bytes());
            }
        }
    });
    dumped.into_flattened()
}

/// Reads elements back. It is not checked that they are points of the curve.
///
/// # Errors
/// [`Misfit::Bytes`] for a wrong length, [`Misfit::Dump`] for what was never dumped.
pub fn load(bytes: &[u8]) -> Result<Elements, Misfit> {
    if !layout::is_known() {
        return Elements::decode(bytes)?.map_err(Misfit::Dump);
    }
    let dumped = Pieces::<COORDINATES_BYTES>::new(bytes)?;
    let forms: Vec<Form> = dumped.from(0).map(|piece| form_of(&piece)).collect();
    let form = if forms.contains(&Form::Whole) { Form::Whole } else { Form::Halves };
    let bad = AtomicUsize::new(usize::MAX);
    let elements = Elements::filled(dumped.len(), form, COPY, |begin, chunk| {
        for ((index, piece), out) in (begin..).zip(dumped.from(begin)).zip(chunk) {
            match read(&piece, out) {
                Some(()) if form != forms[index] => *out += *out,
                Some(()) => {}
                None => _ = bad.fetch_min(index, Ordering::Relaxed),
            }
        }
    });
    match bad.into_inner() {
        usize::MAX => Ok(elements),
        index => Err(Misfit::Dump(index)),
    }
}

fn form_of(piece: &[u8; COORDINATES_BYTES]) -> Form {
    if piece[COORDINATES_BYTES - 1] & 0x80 == 0 { Form::Whole } else { Form::Halves }
}

fn read(piece: &[u8; COORDINATES_BYTES], out: &mut RistrettoPoint) -> Option<()> {
    let mut coordinates = Coordinates::default();
    for (bytes, limb) in piece.chunks_exact(LIMB_BYTES).zip(coordinates.as_flattened_mut()) {
        *limb = u64::from_le_bytes(bytes.try_into().ok()?);
    }
    coordinates[3][4] &= !HALF;
    let fits = coordinates.as_flattened().iter().all(|limb| limb >> LIMB_BITS == 0);
    fits.then(|| layout::coordinates_mut(std::slice::from_mut(out))[0] = coordinates)
}
