//! LIONESS over AES-128-CTR and SHA-256 as sphinxmix has it: a cipher whose block is the whole body.
//!
//! The block is split into 16 bytes (left) and the rest (right). Odd rounds mask the left part with a key stream that
//! depends on the right one, even rounds the right part with one that depends on the left.

#![forbid(unsafe_code)]

use aes::Aes128Enc;
use aes::cipher::{BlockEncrypt, KeyInit};
use ctr::cipher::{InnerIvInit, StreamCipher, StreamCipherCoreWrapper};
use sha2::{Digest, Sha256};

use crate::geometry::K_BYTES;
use crate::keys::Key;

/// Encrypts `block` in place (`pi`); blocks shorter than 32 bytes are refused by the geometry.
pub fn encrypt(key: &Key, block: &mut [u8]) {
    let aes = Aes128Enc::new(key.into());
    let (left, right) = block.split_at_mut(K_BYTES);
    mask_left(&aes, key, b'1', left, right);
    mask_right(&aes, left, right);
    mask_left(&aes, key, b'3', left, right);
    mask_right(&aes, left, right);
}

/// Decrypts `block` in place (`pii`).
pub fn decrypt(key: &Key, block: &mut [u8]) {
    let aes = Aes128Enc::new(key.into());
    let (left, right) = block.split_at_mut(K_BYTES);
    mask_right(&aes, left, right);
    mask_left(&aes, key, b'3', left, right);
    mask_right(&aes, left, right);
    mask_left(&aes, key, b'1', left, right);
}

/// The left part is one AES block: CTR over it is one block encryption of the IV.
fn mask_left(aes: &Aes128Enc, key: &Key, round: u8, left: &mut [u8], right: &[u8]) {
    let digest = Sha256::new().chain_update(right).chain_update(key).chain_update([round]).finalize();
    let mut stream = *aes::Block::from_slice(&digest[..K_BYTES]);
    aes.encrypt_block(&mut stream);
    for (byte, mask) in left.iter_mut().zip(stream) {
        *byte ^= mask;
    }
}

fn mask_right(aes: &Aes128Enc, left: &[u8], right: &mut [u8]) {
    let core = ctr::CtrCore::<&Aes128Enc, ctr::flavors::Ctr128BE>::inner_iv_init(aes, aes::Block::from_slice(left));
    StreamCipherCoreWrapper::from_core(core).apply_keystream(right);
}
