//! Points of edwards25519 in extended coordinates: Hisil, Wong, Carter & Dawson, "Twisted Edwards curves revisited"
//! (ASIACRYPT 2008), with the formulas of RFC 8032, section 5.1.4. They hold for all pairs of points.

use std::arch::x86_64::__m512i;

use curve25519_dalek::ristretto::RistrettoPoint;

use super::numbers::{ONE, TWICE_D, TWO, ZERO};
use crate::lanes::{
    LANES, LIMBS, Loose, Tight, add, from_lanes, minus, mul, negate, number_everywhere, plus, select, square, sub,
    tighten, times, to_lanes, transposed,
};
use crate::ristretto::layout::{self, Coordinates};

/// Limbs of a point.
const WORDS: usize = 4 * LIMBS;

/// Eight points.
#[derive(Clone, Copy)]
pub(super) struct Points {
    pub(super) x: Tight,
    pub(super) y: Tight,
    pub(super) z: Tight,
    pub(super) t: Tight,
}

/// Eight points as they are added to others: Y + X, Y - X, 2 Z and 2 d T.
#[derive(Clone, Copy)]
pub(super) struct Cached(pub(super) [Tight; 4]);

impl Points {
    /// The neutral element in every lane.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn neutral() -> Self {
        let (zero, one) = (number_everywhere(&ZERO), number_everywhere(&ONE));
        Self { x: zero, y: one, z: one, t: zero }
    }

    /// Reads up to eight points; lanes that are left over repeat the first.
    ///
    /// # Panics
    /// If there is none.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn read(points: &[RistrettoPoint]) -> Self {
        let all = layout::coordinates(points);
        let mut lanes = [&all[0]; LANES];
        for (lane, coordinates) in lanes.iter_mut().zip(all) {
            *lane = coordinates;
        }
        let Self { x, y, z, t } = Self::gather(lanes);
        // curve25519-dalek leaves limbs of up to 54 bits.
        let tight = [x, y, z, t].map(|number| tighten(&Loose(number.0)));
        Self { x: tight[0], y: tight[1], z: tight[2], t: tight[3] }
    }

    /// Writes the points of the first lanes.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn write(&self, out: &mut [RistrettoPoint]) {
        let out = layout::coordinates_mut(out);
        let rows = self.rows();
        for (lane, coordinates) in out.iter_mut().enumerate().take(LANES) {
            write_rows(&rows, lane, coordinates);
        }
    }

    /// Reads a point for each lane, whose limbs are below 2^51 + 2^16.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn gather(lanes: [&Coordinates; LANES]) -> Self {
        let mut words = [from_lanes([0; LANES]); 3 * LANES];
        for part in 0..3 {
            let mut rows = [from_lanes([0; LANES]); LANES];
            for lane in 0..LANES {
                let coordinates = lanes[lane].as_flattened();
                let mut row = [0; LANES];
                let length = LANES.min(WORDS - part * LANES);
                row[..length].copy_from_slice(&coordinates[part * LANES..part * LANES + length]);
                rows[lane] = from_lanes(row);
            }
            let columns = transposed(&rows);
            for i in 0..LANES {
                words[part * LANES + i] = columns[i];
            }
        }
        let mut numbers = [number_everywhere(&ZERO); 4];
        for i in 0..WORDS {
            numbers[i / LIMBS].0[i % LIMBS] = words[i];
        }
        Self { x: numbers[0], y: numbers[1], z: numbers[2], t: numbers[3] }
    }

    /// Returns the points as [`write_rows`] takes them.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn rows(&self) -> Rows {
        let mut words = [from_lanes([0; LANES]); 3 * LANES];
        for (number, tight) in [&self.x, &self.y, &self.z, &self.t].into_iter().enumerate() {
            for i in 0..LIMBS {
                words[number * LIMBS + i] = tight.0[i];
            }
        }
        let mut rows = [[from_lanes([0; LANES]); LANES]; 3];
        for part in 0..3 {
            let mut columns = [from_lanes([0; LANES]); LANES];
            for i in 0..LANES {
                columns[i] = words[part * LANES + i];
            }
            rows[part] = transposed(&columns);
        }
        rows
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn cached(&self) -> Cached {
        Cached([
            plus(&self.y, &self.x),
            minus(&self.y, &self.x),
            plus(&self.z, &self.z),
            times(&self.t, &number_everywhere(&TWICE_D)),
        ])
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn plus(&self, other: &Cached) -> Self {
        let [sum, difference, z2, t2d] = &other.0;
        let a = mul(&minus(&self.y, &self.x), difference);
        let b = mul(&plus(&self.y, &self.x), sum);
        let c = mul(&self.t, t2d);
        let d = mul(&self.z, z2);
        Self::completed(&sub(&b, &a), &sub(&d, &c), &add(&d, &c), &add(&b, &a))
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn doubled(&self) -> Self {
        let (e, f, g, h) = self.double();
        Self::completed(&e, &f, &g, &h)
    }

    /// Doubles several times. Only the last result needs its T.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn raised(&self, times_doubled: u32) -> Self {
        let mut point = *self;
        for _ in 1..times_doubled {
            let (e, f, g, h) = point.double();
            point = Self { x: times(&e, &f), y: times(&g, &h), z: times(&f, &g), t: point.t };
        }
        point.doubled()
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn double(&self) -> (Tight, Tight, Tight, Tight) {
        let (a, b) = (square(&self.x), square(&self.y));
        let zz = tighten(&square(&self.z));
        let h = add(&a, &b);
        let e = sub(&Loose(h.0), &square(&plus(&self.x, &self.y)));
        let g = sub(&a, &b);
        let f = plus(&plus(&zz, &zz), &g);
        (e, f, g, h)
    }

    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn completed(e: &Tight, f: &Tight, g: &Tight, h: &Tight) -> Self {
        Self { x: times(e, f), y: times(g, h), z: times(f, g), t: times(e, h) }
    }
}

impl Cached {
    /// The neutral element in every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn neutral() -> Self {
        let one = number_everywhere(&ONE);
        Self([one, one, number_everywhere(&TWO), number_everywhere(&ZERO)])
    }

    /// Takes the lanes whose bit is set from `chosen`.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn select(&mut self, lanes: u8, chosen: &Self) {
        for i in 0..4 {
            self.0[i] = select(lanes, &chosen.0[i], &self.0[i]);
        }
    }

    /// Negates the lanes whose bit is set.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn negated(&self, lanes: u8) -> Self {
        let [sum, difference, z2, t2d] = &self.0;
        Self([select(lanes, difference, sum), select(lanes, sum, difference), *z2, negate(lanes, t2d)])
    }

    /// Returns the limbs of each lane.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn write(&self) -> [Coordinates; LANES] {
        let numbers = [0, 1, 2, 3].map(|number: usize| self.0[number].0.map(to_lanes));
        let mut lanes = [Coordinates::default(); LANES];
        for (lane, coordinates) in lanes.iter_mut().enumerate() {
            for number in 0..4 {
                for limb in 0..LIMBS {
                    coordinates[number][limb] = numbers[number][limb][lane];
                }
            }
        }
        lanes
    }

    /// Puts the same point into every lane.
    #[inline]
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn everywhere(coordinates: &Coordinates) -> Self {
        let [sum, difference, z2, t2d] = coordinates;
        Self([number_everywhere(sum), number_everywhere(difference), number_everywhere(z2), number_everywhere(t2d)])
    }
}

/// For each third of the words of a point (the last is half empty), and each lane, its words.
pub(super) type Rows = [[__m512i; LANES]; 3];

/// Writes the point of one lane.
#[inline]
pub(super) fn write_rows(rows: &Rows, lane: usize, out: &mut Coordinates) {
    for (row, out) in rows.iter().zip(out.as_flattened_mut().chunks_mut(LANES)) {
        out.copy_from_slice(&to_lanes(row[lane])[..out.len()]);
    }
}
