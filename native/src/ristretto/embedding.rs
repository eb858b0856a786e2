//! Data in elements: the search that `loopixmix.group.embedding` describes. It takes a time that depends on the data.

#![forbid(unsafe_code)]

use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::traits::Identity;

use super::arithmetic::Arithmetic;
use super::chunks::{self, Nanoseconds};
use super::elements::{ELEMENT_BYTES, Elements, Form};

/// Bytes of data in one element.
pub const DATA_BYTES: usize = 30;

const EMBED: Nanoseconds = Nanoseconds(5000);
const COUNTER_BITS: u32 = 7;
const LAST: usize = ELEMENT_BYTES - 1;

/// Puts data into elements.
#[must_use]
pub fn embed(arithmetic: Arithmetic, data: &[[u8; DATA_BYTES]]) -> Elements {
    Elements::filled(data.len(), Form::Whole, EMBED, |begin, chunk| {
        for (data, out) in data[begin..].iter().zip(chunk) {
            // Some candidate is an element, but for a probability of 2^-6800.
            let found = candidates(arithmetic, data).find_map(|(_, point)| point);
            *out = found.unwrap_or_else(RistrettoPoint::identity);
        }
    })
}

/// Returns the data in each element; `None` for an element that [`embed`] does not make.
#[must_use]
pub fn extract(arithmetic: Arithmetic, elements: &Elements) -> Vec<Option<[u8; DATA_BYTES]>> {
    let encodings = elements.encode();
    let extracted = chunks::map(encodings.len(), EMBED, |range| -> Vec<_> {
        encodings[range].iter().map(|encoding| extract_one(arithmetic, encoding)).collect()
    });
    extracted.into_iter().flatten().collect()
}

fn extract_one(arithmetic: Arithmetic, encoding: &[u8; ELEMENT_BYTES]) -> Option<[u8; DATA_BYTES]> {
    let data = encoding[1..LAST].try_into().ok()?;
    let mut search = candidates(arithmetic, &data);
    let (first, _) = search.find(|(candidate, point)| candidate == encoding || point.is_some())?;
    (first == *encoding).then_some(data)
}

/// Yields what may be the encoding of an element that holds `data`, in the order of the search, and its point if it
/// is one. The neutral element is passed over.
fn candidates(
    arithmetic: Arithmetic,
    data: &[u8; DATA_BYTES],
) -> impl Iterator<Item = ([u8; ELEMENT_BYTES], Option<RistrettoPoint>)> {
    let size = arithmetic.group_size();
    let last = 1_usize << (2 * COUNTER_BITS);
    (0..last).step_by(size).flat_map(move |first| {
        let group: Vec<_> = (first..last.min(first + size)).map(|counter| candidate(counter, data)).collect();
        let mut points = vec![RistrettoPoint::identity(); group.len()];
        let mut is_element = vec![true; group.len()];
        arithmetic.decode(&group, &mut points, |index| is_element[index] = false);
        let decoded = points.into_iter().zip(is_element).map(|(point, is_element)| is_element.then_some(point));
        group.into_iter().zip(decoded).filter(|(candidate, _)| *candidate != [0; ELEMENT_BYTES])
    })
}

#[allow(clippy::cast_possible_truncation)]
fn candidate(counter: usize, data: &[u8; DATA_BYTES]) -> [u8; ELEMENT_BYTES] {
    let mut candidate = [0; ELEMENT_BYTES];
    candidate[0] = (counter << 1) as u8;
    candidate[1..LAST].copy_from_slice(data);
    candidate[LAST] = (counter >> COUNTER_BITS) as u8;
    candidate
}
