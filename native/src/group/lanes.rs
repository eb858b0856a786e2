//! Eight X25519 ladders side by side, one in each lane of AVX-512 IFMA.
//!
//! Every lane runs the ladder of RFC 7748 section 5 on a field element of five limbs of 51 bits. IFMA multiplies the low
//! 52 bits of two limbs and adds either half of the product, so a factor must be [`Tight`]; sums of products are
//! [`Loose`] and are carried once, where they next become factors. No branch and no address depends on a secret.

#![allow(unsafe_code)]
// The build script leaves this module out where the compiler is older than these intrinsics.
#![allow(clippy::incompatible_msrv)]
// Plain loops over limbs: closures of iterators would not be compiled for the features.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64,
    _mm512_mullo_epi64, _mm512_setzero_si512, _mm512_srli_epi64, _mm512_sub_epi64,
};

use curve25519_dalek::scalar::clamp_integer;
use zeroize::Zeroizing;

use super::{Element, Exponent};

/// Ladders that run at once.
pub(super) const LANES: usize = 8;

const LIMBS: usize = 5;
const LIMB_BITS: u32 = 51;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
/// (486662 - 2) / 4
const A24: u32 = 121_665;
/// 2^255 = 19 modulo p.
const FOLD: u32 = 19;

/// Limbs below 2^51 + 2^16: fit to be multiplied.
#[derive(Clone, Copy)]
struct Tight([__m512i; LIMBS]);

/// Limbs below 2^60: sums of products.
#[derive(Clone, Copy)]
struct Loose([__m512i; LIMBS]);

/// Tells whether the processor has what [`x25519`] needs.
pub(super) fn is_supported() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512ifma")
}

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
fn constant(value: u64) -> Loose {
    let mut limbs = [_mm512_setzero_si512(); LIMBS];
    limbs[0] = every_lane(value);
    Loose(limbs)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add(a: &Loose, b: &Loose) -> Tight {
    let mut limbs = [_mm512_setzero_si512(); LIMBS];
    for i in 0..LIMBS {
        limbs[i] = _mm512_add_epi64(a.0[i], b.0[i]);
    }
    carry(&limbs)
}

/// Adds 2^10 p before subtracting, so that no limb (below 2^60) makes the difference negative.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn sub(a: &Loose, b: &Loose) -> Tight {
    let lowest = every_lane((LIMB_MASK + 1 - u64::from(FOLD)) << 10);
    let others = every_lane(LIMB_MASK << 10);
    let mut limbs = [_mm512_setzero_si512(); LIMBS];
    for i in 0..LIMBS {
        let bias = if i == 0 { lowest } else { others };
        limbs[i] = _mm512_sub_epi64(_mm512_add_epi64(a.0[i], bias), b.0[i]);
    }
    carry(&limbs)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn tighten(a: &Loose) -> Tight {
    carry(&a.0)
}

/// Moves what is above 51 bits of each limb (below 2^62) to the next.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn carry(limbs: &[__m512i; LIMBS]) -> Tight {
    let mask = every_lane(LIMB_MASK);
    let mut low = [_mm512_setzero_si512(); LIMBS];
    let mut high = [_mm512_setzero_si512(); LIMBS];
    for i in 0..LIMBS {
        low[i] = _mm512_and_si512(limbs[i], mask);
        high[i] = _mm512_srli_epi64::<LIMB_BITS>(limbs[i]);
    }
    low[0] = _mm512_madd52lo_epu64(low[0], high[LIMBS - 1], every_lane(FOLD.into()));
    for i in 1..LIMBS {
        low[i] = _mm512_add_epi64(low[i], high[i - 1]);
    }
    Tight(low)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn mul(a: &Tight, b: &Tight) -> Loose {
    let mut low = [_mm512_setzero_si512(); 2 * LIMBS - 1];
    let mut high = [_mm512_setzero_si512(); 2 * LIMBS - 1];
    for i in 0..LIMBS {
        for j in 0..LIMBS {
            low[i + j] = _mm512_madd52lo_epu64(low[i + j], a.0[i], b.0[j]);
            high[i + j] = _mm512_madd52hi_epu64(high[i + j], a.0[i], b.0[j]);
        }
    }
    reduce(&low, &high)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn square(a: &Tight) -> Loose {
    let mut low = [_mm512_setzero_si512(); 2 * LIMBS - 1];
    let mut high = [_mm512_setzero_si512(); 2 * LIMBS - 1];
    for i in 0..LIMBS {
        for j in i + 1..LIMBS {
            low[i + j] = _mm512_madd52lo_epu64(low[i + j], a.0[i], a.0[j]);
            high[i + j] = _mm512_madd52hi_epu64(high[i + j], a.0[i], a.0[j]);
        }
    }
    for k in 1..2 * LIMBS - 2 {
        low[k] = _mm512_add_epi64(low[k], low[k]);
        high[k] = _mm512_add_epi64(high[k], high[k]);
    }
    for i in 0..LIMBS {
        low[2 * i] = _mm512_madd52lo_epu64(low[2 * i], a.0[i], a.0[i]);
        high[2 * i] = _mm512_madd52hi_epu64(high[2 * i], a.0[i], a.0[i]);
    }
    reduce(&low, &high)
}

/// Puts the halves of the products together and folds what is above 2^255.
///
/// The high halves weigh 2^52, that is twice the next limb. With factors below 2^51 + 2^16 a limb gathers less than
/// 5 (2^52 + 2 * 2^50.1) < 2^55, with what is folded less than 20 * 2^55 < 2^60.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn reduce(low: &[__m512i; 2 * LIMBS - 1], high: &[__m512i; 2 * LIMBS - 1]) -> Loose {
    let mut limbs = [_mm512_setzero_si512(); 2 * LIMBS];
    limbs[0] = low[0];
    for k in 1..2 * LIMBS {
        limbs[k] = _mm512_add_epi64(high[k - 1], high[k - 1]);
        if k < 2 * LIMBS - 1 {
            limbs[k] = _mm512_add_epi64(limbs[k], low[k]);
        }
    }
    let fold = every_lane(FOLD.into());
    let mut folded = [_mm512_setzero_si512(); LIMBS];
    for k in 0..LIMBS {
        let above = limbs[k + LIMBS];
        folded[k] = _mm512_add_epi64(limbs[k], _mm512_mullo_epi64(above, fold));
    }
    Loose(folded)
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

/// Raises to p - 2 = 2^255 - 21: the inverse, or 0 of 0. Names tell exponents: `ones_n` is 2^n - 1.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[allow(clippy::similar_names)]
fn invert(z: &Tight) -> Tight {
    let times = |a: &Tight, b: &Tight| tighten(&mul(a, b));
    let two = squared(z, 1);
    let nine = times(&squared(&two, 2), z);
    let eleven = times(&nine, &two);
    let ones_5 = times(&squared(&eleven, 1), &nine);
    let ones_10 = times(&squared(&ones_5, 5), &ones_5);
    let ones_20 = times(&squared(&ones_10, 10), &ones_10);
    let ones_40 = times(&squared(&ones_20, 20), &ones_20);
    let ones_50 = times(&squared(&ones_40, 10), &ones_10);
    let ones_100 = times(&squared(&ones_50, 50), &ones_50);
    let ones_200 = times(&squared(&ones_100, 100), &ones_100);
    let ones_250 = times(&squared(&ones_200, 50), &ones_50);
    times(&squared(&ones_250, 5), &eleven)
}

/// Squares `count` times.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn squared(z: &Tight, count: u32) -> Tight {
    let mut power = *z;
    for _ in 0..count {
        power = tighten(&square(&power));
    }
    power
}

/// Reads u-coordinates as RFC 7748 says: bit 255 is ignored.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn read(points: &[Element; LANES]) -> Tight {
    let mut limbs = [[0_u64; LANES]; LIMBS];
    for (lane, point) in points.iter().enumerate() {
        for (i, limb) in limbs.iter_mut().enumerate() {
            limb[lane] = limb_of(point, i);
        }
    }
    Tight(limbs.map(from_lanes))
}

fn limb_of(point: &Element, i: usize) -> u64 {
    let bit = i * LIMB_BITS as usize;
    let mut window = [0; 8];
    let bytes = &point[bit / 8..point.len().min(bit / 8 + 8)];
    window[..bytes.len()].copy_from_slice(bytes);
    (u64::from_le_bytes(window) >> (bit % 8)) & LIMB_MASK
}

/// Writes the one encoding below p of every lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn write(element: &Tight) -> [Element; LANES] {
    let limbs = element.0.map(to_lanes);
    std::array::from_fn(|lane| encode(std::array::from_fn(|i| limbs[i][lane])))
}

/// Reduces limbs below 2^52 modulo p and encodes them.
fn encode(mut limbs: [u64; LIMBS]) -> Element {
    // Twice, as the first time may leave a limb of 2^51 or a little more.
    for _ in 0..2 {
        let mut over = 0;
        for limb in &mut limbs {
            *limb += over;
            over = *limb >> LIMB_BITS;
            *limb &= LIMB_MASK;
        }
        limbs[0] += u64::from(FOLD) * over;
    }
    // Now below 2^255: adding 19 reaches it exactly where the value is p or more.
    let mut over = u64::from(FOLD);
    for limb in limbs {
        over = (limb + over) >> LIMB_BITS;
    }
    over *= u64::from(FOLD);
    for limb in &mut limbs {
        *limb += over;
        over = *limb >> LIMB_BITS;
        *limb &= LIMB_MASK;
    }
    pack(&limbs)
}

fn pack(limbs: &[u64; LIMBS]) -> Element {
    let mut words = [0_u64; 4];
    for (i, limb) in limbs.iter().enumerate() {
        let bit = i * LIMB_BITS as usize;
        words[bit / 64] |= limb << (bit % 64);
        if bit % 64 > 64 - LIMB_BITS as usize && bit / 64 < 3 {
            words[bit / 64 + 1] |= limb >> (64 - bit % 64);
        }
    }
    let mut element = Element::default();
    for (bytes, word) in element.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    element
}

fn every_lane(value: u64) -> __m512i {
    from_lanes([value; LANES])
}

fn from_lanes(lanes: [u64; LANES]) -> __m512i {
    // SAFETY: both are 64 bytes of plain integers, lane 0 first.
    unsafe { std::mem::transmute(lanes) }
}

fn to_lanes(vector: __m512i) -> [u64; LANES] {
    // SAFETY: as in `from_lanes`.
    unsafe { std::mem::transmute(vector) }
}
