//! Hashing to the group: the suite `ristretto255_XMD:SHA-512_R255MAP_RO_` of RFC 9380, appendix B.

#![forbid(unsafe_code)]

use sha2::{Digest, Sha512};

use super::arithmetic::Arithmetic;
use super::chunks::Nanoseconds;
use super::elements::{Elements, Form};

/// Bytes of the longest domain separation tag that is not hashed first.
pub const MAX_DOMAIN_BYTES: usize = 255;

const HASH: Nanoseconds = Nanoseconds(2000);
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

    /// Expands a message, given in two parts (RFC 9380, section 5.3.1).
    fn expand(&self, message: [&[u8]; 2]) -> [u8; UNIFORM_BYTES as usize] {
        let first = self
            .padded
            .clone()
            .chain_update(message[0])
            .chain_update(message[1])
            .chain_update(UNIFORM_BYTES.to_be_bytes())
            .chain_update([0])
            .chain_update(&self.suffix);
        let uniform = Sha512::new().chain_update(first.finalize()).chain_update([1]).chain_update(&self.suffix);
        uniform.finalize().into()
    }

    /// Maps each message.
    #[must_use]
    pub fn hash<M: AsRef<[u8]> + Sync>(&self, messages: &[M]) -> Elements {
        Elements::filled(messages.len(), Form::Whole, HASH, |begin, chunk| {
            let messages = messages[begin..begin + chunk.len()].iter();
            let uniform: Vec<_> = messages.map(|message| self.expand([message.as_ref(), &[]])).collect();
            Arithmetic::pick().map(&uniform, chunk);
        })
    }

    /// Maps `seed` followed by each of `count` numbers from `first` on, of 8 big-endian bytes.
    #[must_use]
    pub fn derive(&self, seed: &[u8], first: u64, count: usize) -> Elements {
        Elements::filled(count, Form::Whole, HASH, |begin, chunk| {
            let begin = first.wrapping_add(begin as u64);
            let numbers = (begin..).take(chunk.len());
            let uniform: Vec<_> = numbers.map(|number| self.expand([seed, &number.to_be_bytes()])).collect();
            Arithmetic::pick().map(&uniform, chunk);
        })
    }
}
