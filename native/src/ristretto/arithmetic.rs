//! Which arithmetic of single elements serves: eight side by side where the processor can, else curve25519-dalek's.

#![forbid(unsafe_code)]

use std::sync::OnceLock;

use curve25519_dalek::ristretto::{CompressedRistretto, RistrettoBasepointTable, RistrettoPoint};
use curve25519_dalek::scalar::Scalar;

use super::elements::ELEMENT_BYTES;
#[cfg(has_lanes)]
use super::lanes;
use super::large_table::LargeTable;

/// Implementations of operations on elements. All give the same elements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Arithmetic {
    /// Our own on AVX-512 IFMA, for eight elements at once.
    Lanes,
    /// curve25519-dalek, one element at a time.
    Single,
}

impl Arithmetic {
    /// Returns the fastest implementation that this processor can run.
    #[must_use]
    pub fn pick() -> Self {
        static PICKED: OnceLock<Arithmetic> = OnceLock::new();
        *PICKED.get_or_init(|| if lanes::is_supported() { Self::Lanes } else { Self::Single })
    }

    /// Names the library behind it.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Lanes => "avx512ifma",
            Self::Single => "curve25519-dalek",
        }
    }

    /// Says how many elements it likes to get at once.
    #[must_use]
    pub fn group_size(self) -> usize {
        match self {
            Self::Lanes => lanes::LANES,
            Self::Single => 1,
        }
    }

    /// Decodes canonical encodings, and calls `bad` with the index of each that is none. Its place in `out` is not fit
    /// for use then.
    pub fn decode(self, encodings: &[[u8; ELEMENT_BYTES]], out: &mut [RistrettoPoint], mut bad: impl FnMut(usize)) {
        let size = self.group_size();
        for (group, (encodings, out)) in encodings.chunks(size).zip(out.chunks_mut(size)).enumerate() {
            let good = match self {
                Self::Lanes => lanes::decode(encodings, out),
                Self::Single => decode_one(&encodings[0], &mut out[0]),
            };
            (0..encodings.len()).filter(|lane| good >> lane & 1 == 0).for_each(|lane| bad(group * size + lane));
        }
    }

    /// Encodes elements.
    pub fn encode(self, points: &[RistrettoPoint], out: &mut [[u8; ELEMENT_BYTES]]) {
        let size = self.group_size();
        for (points, out) in points.chunks(size).zip(out.chunks_mut(size)) {
            match self {
                Self::Lanes => lanes::encode(points, out),
                Self::Single => out[0] = points[0].compress().to_bytes(),
            }
        }
    }

    /// Encodes the doubles of elements.
    pub fn encode_doubles(self, points: &[RistrettoPoint], out: &mut [[u8; ELEMENT_BYTES]]) {
        match self {
            Self::Lanes => lanes::encode_doubles(points, out),
            Self::Single => {
                for (encoding, out) in RistrettoPoint::double_and_compress_batch(points).iter().zip(out) {
                    *out = encoding.to_bytes();
                }
            }
        }
    }

    /// Maps blocks of 64 uniform bytes to elements (RFC 9496, section 4.3.4).
    pub fn map(self, uniform: &[[u8; 64]], out: &mut [RistrettoPoint]) {
        let size = self.group_size();
        for (uniform, out) in uniform.chunks(size).zip(out.chunks_mut(size)) {
            match self {
                Self::Lanes => lanes::hash(uniform, out),
                Self::Single => out[0] = RistrettoPoint::from_uniform_bytes(&uniform[0]),
            }
        }
    }

    /// Multiplies elements by their scalars.
    pub fn times(self, points: &[RistrettoPoint], scalars: &[Scalar], out: &mut [RistrettoPoint]) {
        let size = self.group_size();
        for ((points, scalars), out) in points.chunks(size).zip(scalars.chunks(size)).zip(out.chunks_mut(size)) {
            match self {
                Self::Lanes => lanes::times(points, scalars, out),
                Self::Single => out[0] = points[0] * scalars[0],
            }
        }
    }
}

fn decode_one(encoding: &[u8; ELEMENT_BYTES], out: &mut RistrettoPoint) -> u8 {
    let Some(point) = CompressedRistretto(*encoding).decompress() else { return 0 };
    *out = point;
    1
}

/// A table for one element times secret scalars: read whole at each step, so that no address depends on them.
pub(super) enum Table {
    /// Of [`Arithmetic::Lanes`].
    Lanes(lanes::Multiples),
    /// Of [`Arithmetic::Single`].
    Single(Box<RistrettoBasepointTable>),
}

impl Table {
    pub(super) fn new(arithmetic: Arithmetic, point: RistrettoPoint) -> Self {
        match arithmetic {
            Arithmetic::Lanes => Self::Lanes(lanes::Multiples::new(point)),
            Arithmetic::Single => Self::Single(Box::new(RistrettoBasepointTable::create(&point))),
        }
    }

    /// Multiplies the element by scalars.
    pub(super) fn times(&self, scalars: &[Scalar], out: &mut [RistrettoPoint]) {
        match self {
            Self::Lanes(table) => in_groups(scalars, out, |scalars, out| table.times(scalars, out)),
            Self::Single(table) => one_by_one(scalars, out, |scalar| scalar * &**table),
        }
    }
}

/// A table for one element times scalars that are no secret: large, and looked up by their digits.
pub(super) enum PublicTable {
    /// Of [`Arithmetic::Lanes`].
    Lanes(lanes::PublicMultiples),
    /// Of [`Arithmetic::Single`].
    Single(LargeTable),
}

impl PublicTable {
    pub(super) fn new(arithmetic: Arithmetic, point: RistrettoPoint) -> Self {
        match arithmetic {
            Arithmetic::Lanes => Self::Lanes(lanes::PublicMultiples::new(point)),
            Arithmetic::Single => Self::Single(LargeTable::new(point)),
        }
    }

    /// Multiplies the element by scalars, in a time that depends on them.
    pub(super) fn times(&self, scalars: &[Scalar], out: &mut [RistrettoPoint]) {
        match self {
            Self::Lanes(table) => in_groups(scalars, out, |scalars, out| table.times(scalars, out)),
            Self::Single(table) => one_by_one(scalars, out, |scalar| table.times(scalar)),
        }
    }
}

fn in_groups(
    scalars: &[Scalar],
    out: &mut [RistrettoPoint],
    mut multiply: impl FnMut(&[Scalar], &mut [RistrettoPoint]),
) {
    for (scalars, out) in scalars.chunks(lanes::LANES).zip(out.chunks_mut(lanes::LANES)) {
        multiply(scalars, out);
    }
}

fn one_by_one(scalars: &[Scalar], out: &mut [RistrettoPoint], multiply: impl Fn(&Scalar) -> RistrettoPoint) {
    for (scalar, out) in scalars.iter().zip(out) {
        *out = multiply(scalar);
    }
}

/// Stands for the module where the compiler is too old for it; nobody calls what is never supported.
#[cfg(not(has_lanes))]
pub(super) mod lanes {
    use super::{ELEMENT_BYTES, RistrettoPoint, Scalar};

    pub(in crate::ristretto) const LANES: usize = 8;

    pub(in crate::ristretto) fn is_supported() -> bool {
        false
    }

    pub(in crate::ristretto) fn decode(_: &[[u8; ELEMENT_BYTES]], _: &mut [RistrettoPoint]) -> u8 {
        unreachable!()
    }

    pub(in crate::ristretto) fn encode(_: &[RistrettoPoint], _: &mut [[u8; ELEMENT_BYTES]]) {
        unreachable!()
    }

    pub(in crate::ristretto) fn encode_doubles(_: &[RistrettoPoint], _: &mut [[u8; ELEMENT_BYTES]]) {
        unreachable!()
    }

    pub(in crate::ristretto) fn hash(_: &[[u8; 64]], _: &mut [RistrettoPoint]) {
        unreachable!()
    }

    pub(in crate::ristretto) fn times(_: &[RistrettoPoint], _: &[Scalar], _: &mut [RistrettoPoint]) {
        unreachable!()
    }

    pub(in crate::ristretto) fn multi_scalar(_: &[Scalar], _: &[RistrettoPoint], _: u32) -> RistrettoPoint {
        unreachable!()
    }

    pub(in crate::ristretto) struct Multiples(());

    impl Multiples {
        pub(in crate::ristretto) fn new(_: RistrettoPoint) -> Self {
            unreachable!()
        }

        pub(in crate::ristretto) fn times(&self, _: &[Scalar], _: &mut [RistrettoPoint]) {
            let Self(()) = self;
            unreachable!()
        }
    }

    pub(in crate::ristretto) struct PublicMultiples(());

    impl PublicMultiples {
        pub(in crate::ristretto) fn new(_: RistrettoPoint) -> Self {
            unreachable!()
        }

        pub(in crate::ristretto) fn times(&self, _: &[Scalar], _: &mut [RistrettoPoint]) {
            let Self(()) = self;
            unreachable!()
        }
    }
}
