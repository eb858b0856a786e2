//! ristretto255 (RFC 9496) on whole columns of scalars and elements, on all processors.
//!
//! [`column`] is what a column is made of, [`scalars`] and [`elements`] are the two kinds. [`fixed`] multiplies one
//! element by many scalars, [`sums`] adds up many products, [`hashing`] and [`embedding`] make elements of bytes.
//! [`dumping`] is for a program's own files. [`chunks`] spreads work over threads. [`arithmetic`] of single elements is
//! curve25519-dalek's ([`layout`]), or `lanes`.
//!
//! What takes a time that depends on values says so; all else does not.

pub mod arithmetic;
pub mod chunks;
pub mod column;
pub mod dumping;
pub mod elements;
pub mod embedding;
pub mod fixed;
pub mod hashing;
#[cfg(has_lanes)]
mod lanes;
mod large_table;
pub mod layout;
pub mod scalars;
pub mod sums;

#[cfg(test)]
mod tests;
