//! What one hop derives from its shared secret, as sphinxmix's `SphinxParams` does.

#![forbid(unsafe_code)]

use aes::Aes128Enc;
use aes::cipher::{BlockEncrypt, KeyInit};
use ctr::cipher::{KeyIvInit, StreamCipher, StreamCipherSeek};
use hmac::{Hmac, Mac};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, Zeroizing};

use crate::geometry::K_BYTES;
use crate::group::{Element, Exponent};

/// A symmetric key, MAC or tag.
pub type Key = [u8; K_BYTES];

/// The keys of one hop for one packet.
pub struct HopKeys {
    /// Stream that hides beta (`hrho`).
    pub stream: Key,
    /// MAC over beta (`hmu`).
    pub mac: Key,
    /// LIONESS layer of the body, and the body's MAC at the last hop (`hpi`).
    pub payload: Key,
    /// What the replay filter remembers (`htau`).
    pub replay_tag: Key,
    /// Exponent that blinds alpha for the next hop: SHA-256 of `hb`.
    pub blinding: Exponent,
}

impl HopKeys {
    /// Derives them: `aes_s = SHA-256("aes_key:" || s)[:16]`, then AES-128 of one constant block for each use.
    #[must_use]
    pub fn derive(shared_secret: &Element) -> Self {
        let mut digest = Sha256::new().chain_update(b"aes_key:").chain_update(shared_secret).finalize();
        let aes = Aes128Enc::new(aes::Block::from_slice(&digest[..K_BYTES]));
        digest.zeroize();
        let subkey = |flavor: &Key| {
            let mut block = aes::Block::from(*flavor);
            aes.encrypt_block(&mut block);
            Key::from(block)
        };
        let blinding = Zeroizing::new(subkey(b"hbhbhbhbhbhbhbhb"));
        Self {
            stream: subkey(b"hrhohrhohrhohrho"),
            mac: subkey(b"hmu:hmu:hmu:hmu:"),
            payload: subkey(b"hpi:hpi:hpi:hpi:"),
            replay_tag: subkey(b"htauhtauhtauhtau"),
            blinding: Sha256::digest(*blinding).into(),
        }
    }
}

impl Drop for HopKeys {
    fn drop(&mut self) {
        self.stream.zeroize();
        self.mac.zeroize();
        self.payload.zeroize();
        self.replay_tag.zeroize();
        self.blinding.zeroize();
    }
}

/// XORs the stream `rho` (AES-128-CTR, IV 0), from byte `offset` on, into `data`.
pub fn xor_stream(key: &Key, offset: usize, data: &mut [u8]) {
    let mut stream = ctr::Ctr128BE::<Aes128Enc>::new(key.into(), &[0; K_BYTES].into());
    if offset > 0 {
        stream.seek(offset);
    }
    stream.apply_keystream(data);
}

/// HMAC-SHA-256 cut to 16 bytes (`mu`); to compare one, use [`mac_fits`].
#[must_use]
pub fn mac(key: &Key, data: &[u8]) -> Key {
    let digest = keyed_mac(key, data).finalize().into_bytes();
    let mut short = Key::default();
    short.copy_from_slice(&digest[..K_BYTES]);
    short
}

/// Compares `expected` with the MAC of `data` in constant time.
#[must_use]
pub fn mac_fits(key: &Key, data: &[u8], expected: &[u8]) -> bool {
    expected.len() == K_BYTES && keyed_mac(key, data).verify_truncated_left(expected).is_ok()
}

fn keyed_mac(key: &Key, data: &[u8]) -> Hmac<Sha256> {
    // A key of one whole SHA-256 block is the same HMAC key as its first bytes followed by zeros (RFC 2104 section 2).
    let mut block = Zeroizing::new([0_u8; 64]);
    block[..K_BYTES].copy_from_slice(key);
    let mut mac = <Hmac<Sha256> as KeyInit>::new((&*block).into());
    mac.update(data);
    mac
}
