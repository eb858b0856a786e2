//! Points of edwards25519 in extended coordinates: Hisil, Wong, Carter & Dawson, "Twisted Edwards curves revisited"
//! (ASIACRYPT 2008), with the formulas of RFC 8032, section 5.1.4. They hold for all pairs of points.

use curve25519_dalek::ristretto::RistrettoPoint;

use super::numbers::{ONE, TWICE_D, TWO, ZERO};
use crate::lanes::{
    LANES, LIMBS, Loose, Tight, add, from_lanes, minus, mul, negate, number_everywhere, plus, select, square, sub,
    tighten, times, to_lanes,
};
use crate::ristretto::layout::{self, Coordinates};

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
        let first = layout::coordinates(&points[0]);
        let mut lanes = [first; LANES];
        for (lane, point) in lanes.iter_mut().zip(points) {
            *lane = layout::coordinates(point);
        }
        // curve25519-dalek leaves limbs of up to 54 bits.
        Self { x: turned(&lanes, 0), y: turned(&lanes, 1), z: turned(&lanes, 2), t: turned(&lanes, 3) }
    }

    /// Writes the points of the first lanes.
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    pub(super) fn write(&self, out: &mut [RistrettoPoint]) {
        let coordinates = [&self.x, &self.y, &self.z, &self.t].map(|number| number.0.map(to_lanes));
        for (lane, point) in out.iter_mut().enumerate().take(LANES) {
            *point = layout::point(&coordinates.map(|number| number.map(|limb| limb[lane])));
        }
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
        let (a, b) = (square(&self.x), square(&self.y));
        let zz = tighten(&square(&self.z));
        let h = add(&a, &b);
        let e = sub(&Loose(h.0), &square(&plus(&self.x, &self.y)));
        let g = sub(&a, &b);
        let f = plus(&plus(&zz, &zz), &g);
        Self::completed(&e, &f, &g, &h)
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

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn turned(lanes: &[Coordinates; LANES], number: usize) -> Tight {
    let mut limbs = [from_lanes([0; LANES]); LIMBS];
    for i in 0..LIMBS {
        let mut limb = [0; LANES];
        for lane in 0..LANES {
            limb[lane] = lanes[lane][number][i];
        }
        limbs[i] = from_lanes(limb);
    }
    tighten(&Loose(limbs))
}
