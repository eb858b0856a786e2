//! Sphinx packets over X25519 in bulk, byte for byte those of `sphinxmix` 0.0.7; and ristretto255 in bulk.
//!
//! [`header`] and [`packet`] wrap, [`unwrap`] takes layers off, [`batch`] does so for many packets on several threads.
//! Below them: [`group`] (X25519 and products of blinding exponents), [`keys`] (what one hop derives), [`lioness`]
//! (the wide-block cipher), [`body`] (padding and MAC of payloads). [`tagset`] holds replay tags. [`propagation`] is for
//! simulations only, [`ristretto`] for elections. Nothing here draws random values or does I/O: randomness comes in as
//! bytes. The Python face is `python.rs`.
//!
//! Sources: Danezis & Goldberg, "Sphinx: A Compact and Provably Secure Mix Format" (IEEE S&P 2009); RFC 7748;
//! Anderson & Biham, "Two practical and provably secure block ciphers: BEAR and LION" (FSE 1996), for LIONESS.

pub mod batch;
pub mod body;
pub mod geometry;
pub mod group;
pub mod header;
pub mod keys;
#[cfg(has_lanes)]
mod lanes;
pub mod lioness;
pub mod packet;
mod pool;
pub mod propagation;
pub mod ristretto;
pub mod tagset;
pub mod unwrap;

#[cfg(feature = "python")]
mod python;
