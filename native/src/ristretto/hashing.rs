//! Hashing to the group: the suite `ristretto255_XMD:SHA-512_R255MAP_RO_` of RFC 9380, appendix B.

#![forbid(unsafe_code)]

use curve25519_dalek::ristretto::RistrettoPoint;
use sha2::{Digest, Sha512};

use super::chunks::Nanoseconds;
use super::elements::{Elements, Form};

/// Bytes of the longest domain separation tag that is not hashed first.
pub const MAX_DOMAIN_BYTES: usize = 255;

const HASH: Nanoseconds = Nanoseconds(12_000);
const BLOCK_BYTES: usize = 128;
/// What the one-way map of RFC 9496 takes.
const UNIFORM_BYTES: u16 = 64;

/// Hashes messages under one domain separation tag.
pub struct Hasher {
    padded: Sha512,
    suffix: Vec<u8>,
}

impl Hasher {
    /// Takes a tag; `None` if it has no byte, or more than [`MAX_DOMAIN_BYTES`].
    #[must_use]
    pub fn new(domain: &[u8]) -> Option<Self> {
        let length = u8::try_from(domain.len()).ok().filter(|&length| length > 0)?;
        let suffix = [domain, &[length]].concat();
        Some(Self { padded: Sha512::new_with_prefix([0; BLOCK_BYTES]), suffix })
    }

    /// Maps a message, given in two parts, to a point (RFC 9380, sections 5.3.1 and 3).
    fn point(&self, message: [&[u8]; 2]) -> RistrettoPoint {
        let first = self
            .padded
            .clone()
            .chain_update(message[0])
            .chain_update(message[1])
            .chain_update(UNIFORM_BYTES.to_be_bytes())
            .chain_update([0])
            .chain_update(&self.suffix);
        let uniform = Sha512::new().chain_update(first.finalize()).chain_update([1]).chain_update(&self.suffix);
        RistrettoPoint::from_uniform_bytes(&uniform.finalize().into())
    }

    /// Maps each message.
    #[must_use]
    pub fn hash<M: AsRef<[u8]> + Sync>(&self, messages: &[M]) -> Elements {
        Elements::filled(messages.len(), Form::Whole, HASH, |begin, chunk| {
            for (message, out) in messages[begin..].iter().zip(chunk) {
                *out = self.point([message.as_ref(), &[]]);
            }
        })
    }

    /// Maps `seed` followed by each of `count` numbers from `first` on, of 8 big-endian bytes.
    #[must_use]
    pub fn derive(&self, seed: &[u8], first: u64, count: usize) -> Elements {
        Elements::filled(count, Form::Whole, HASH, |begin, chunk| {
            let begin = first.wrapping_add(begin as u64);
            for (number, out) in (begin..).zip(chunk) {
                *out = self.point([seed, &number.to_be_bytes()]);
            }
        })
    }
}
