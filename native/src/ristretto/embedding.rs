//! Data in elements: the search that `loopixmix.group.embedding` describes. It takes a time that depends on the data.

#![forbid(unsafe_code)]

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoPoint};
use curve25519_dalek::traits::Identity;

use super::chunks::{self, Nanoseconds};
use super::elements::{ELEMENT_BYTES, Elements, Form};

/// Bytes of data in one element.
pub const DATA_BYTES: usize = 30;

const EMBED: Nanoseconds = Nanoseconds(20_000);
const COUNTER_BITS: u8 = 7;
const LAST: usize = ELEMENT_BYTES - 1;

/// Puts data into elements.
#[must_use]
pub fn embed(data: &[[u8; DATA_BYTES]]) -> Elements {
    Elements::filled(data.len(), Form::Whole, EMBED, |begin, chunk| {
        for (data, out) in data[begin..].iter().zip(chunk) {
            // Some candidate is an element, but for a probability of 2^-6800.
            *out = candidates(data).find_map(|(_, point)| point).unwrap_or_else(RistrettoPoint::identity);
        }
    })
}

/// Returns the data in each element; `None` for an element that [`embed`] does not make.
#[must_use]
pub fn extract(elements: &Elements) -> Vec<Option<[u8; DATA_BYTES]>> {
    let encodings = elements.encode();
    let extracted =
        chunks::map(encodings.len(), EMBED, |range| -> Vec<_> { encodings[range].iter().map(extract_one).collect() });
    extracted.into_iter().flatten().collect()
}

fn extract_one(encoding: &[u8; ELEMENT_BYTES]) -> Option<[u8; DATA_BYTES]> {
    let data = encoding[1..LAST].try_into().ok()?;
    let (first, _) = candidates(&data).find(|(candidate, point)| candidate == encoding || point.is_some())?;
    (first == *encoding).then_some(data)
}

/// Yields what may be the encoding of an element that holds `data`, in the order of the search, and its point if it
/// is one. The neutral element is passed over.
fn candidates(data: &[u8; DATA_BYTES]) -> impl Iterator<Item = ([u8; ELEMENT_BYTES], Option<RistrettoPoint>)> {
    let counters = (0..1 << COUNTER_BITS).flat_map(|high| (0..1 << COUNTER_BITS).map(move |low| (low << 1, high)));
    counters
        .map(|(first, last)| {
            let mut candidate = [0; ELEMENT_BYTES];
            candidate[0] = first;
            candidate[1..LAST].copy_from_slice(data);
            candidate[LAST] = last;
            candidate
        })
        .filter(|candidate| *candidate != [0; ELEMENT_BYTES])
        .map(|candidate| (candidate, CompressedRistretto(candidate).decompress()))
}
