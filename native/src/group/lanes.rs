//! Eight X25519 ladders side by side, one in each lane of AVX-512 IFMA.
//!
//! Every lane runs the ladder of RFC 7748 section 5. No branch and no address depends on a secret.

#![allow(unsafe_code)]
// The build script leaves this module out where the compiler is older than these intrinsics.
#![allow(clippy::incompatible_msrv)]
// Plain loops over limbs: closures of iterators would not be compiled for the features.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::{
    _mm512_add_epi64, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64, _mm512_setzero_si512,
};

use curve25519_dalek::scalar::clamp_integer;
use zeroize::Zeroizing;

use super::{Element, Exponent};
use crate::lanes::{
    FOLD, LIMBS, Loose, Tight, add, constant, every_lane, invert, mul, read, square, sub, tighten, write,
};
pub(super) use crate::lanes::{LANES, is_supported};

/// (486662 - 2) / 4
const A24: u32 = 121_665;

/// Multiplies each point by the clamped exponent of the same index; all zero where the point is of low order.
///
/// # Panics
/// Where the processor does not support it.
pub(super) fn x25519(exponents: &[Exponent; LANES], points: &[Element; LANES]) -> [Element; LANES] {
    assert!(is_supported());
    // SAFETY: the processor has the features that `ladders` is compiled for.
    unsafe { ladders(exponents, points) }
}

/// Names are those of RFC 7748 section 5.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[allow(clippy::many_single_char_names)]
fn ladders(exponents: &[Exponent; LANES], points: &[Element; LANES]) -> [Element; LANES] {
    let bits = bits_of_lanes(exponents);
    let base = read(points);
    let (mut x2, mut z2, mut x3, mut z3) = (constant(1), constant(0), Loose(base.0), constant(1));
    let mut swapped = 0;
    for &lanes in bits.iter().rev() {
        swap(swapped ^ lanes, &mut x2, &mut x3);
        swap(swapped ^ lanes, &mut z2, &mut z3);
        swapped = lanes;
        let (a, b) = (add(&x2, &z2), sub(&x2, &z2));
        let (c, d) = (add(&x3, &z3), sub(&x3, &z3));
        let (da, cb) = (mul(&d, &a), mul(&c, &b));
        let (aa, bb) = (square(&a), square(&b));
        x3 = square(&add(&da, &cb));
        z3 = mul(&base, &tighten(&square(&sub(&da, &cb))));
        let e = sub(&aa, &bb);
        x2 = mul(&tighten(&aa), &tighten(&bb));
        z2 = mul(&e, &tighten(&add_times_a24(&aa, &e)));
    }
    swap(swapped, &mut x2, &mut x3);
    swap(swapped, &mut z2, &mut z3);
    write(&tighten(&mul(&tighten(&x2), &invert(&tighten(&z2)))))
}

/// Turns the clamped exponents round: item i has bit i of every lane. Bit 255 is always clear and left out.
fn bits_of_lanes(exponents: &[Exponent; LANES]) -> Zeroizing<[u8; 255]> {
    let clamped = Zeroizing::new(exponents.map(clamp_integer));
    let mut bits = Zeroizing::new([0; 255]);
    for (i, bit) in bits.iter_mut().enumerate() {
        for (lane, exponent) in clamped.iter().enumerate() {
            *bit |= ((exponent[i / 8] >> (i % 8)) & 1) << lane;
        }
    }
    bits
}

/// Exchanges the elements in the lanes whose bit is set.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn swap(lanes: u8, left: &mut Loose, right: &mut Loose) {
    for i in 0..LIMBS {
        let (a, b) = (left.0[i], right.0[i]);
        left.0[i] = _mm512_mask_blend_epi64(lanes, a, b);
        right.0[i] = _mm512_mask_blend_epi64(lanes, b, a);
    }
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_times_a24(a: &Loose, b: &Tight) -> Loose {
    let a24 = every_lane(A24.into());
    let mut limbs = a.0;
    for i in 0..LIMBS {
        limbs[i] = _mm512_madd52lo_epu64(limbs[i], b.0[i], a24);
    }
    for i in 0..LIMBS {
        let high = _mm512_madd52hi_epu64(_mm512_setzero_si512(), b.0[i], a24);
        let doubled = _mm512_add_epi64(high, high);
        if i == LIMBS - 1 {
            limbs[0] = _mm512_madd52lo_epu64(limbs[0], doubled, every_lane(FOLD.into()));
        } else {
            limbs[i + 1] = _mm512_add_epi64(limbs[i + 1], doubled);
        }
    }
    Loose(limbs)
}
