//! Integers modulo p = 2^255 - 19, eight side by side, one in each lane of AVX-512 IFMA.
//!
//! An integer has five limbs of 51 bits. IFMA multiplies the low 52 bits of two limbs and adds either half of the
//! product, so a factor must be [`Tight`]; sums of products are [`Loose`] and are carried once, where they next become
//! factors. No branch and no address depends on a value.

#![allow(unsafe_code)]
// The build script leaves this module out where the compiler is older than these intrinsics.
#![allow(clippy::incompatible_msrv)]
// Plain loops over limbs: closures of iterators would not be compiled for the features.
#![allow(clippy::needless_range_loop)]

use std::arch::x86_64::{
    __m512i, _mm512_add_epi64, _mm512_and_si512, _mm512_madd52hi_epu64, _mm512_madd52lo_epu64, _mm512_mask_blend_epi64,
    _mm512_mullo_epi64, _mm512_or_si512, _mm512_setzero_si512, _mm512_shuffle_i64x2, _mm512_srli_epi64,
    _mm512_sub_epi64, _mm512_test_epi64_mask, _mm512_testn_epi64_mask, _mm512_unpackhi_epi64, _mm512_unpacklo_epi64,
};

/// Integers side by side.
pub(crate) const LANES: usize = 8;
/// Limbs of an integer.
pub(crate) const LIMBS: usize = 5;

pub(crate) const LIMB_BITS: u32 = 51;
const LIMB_MASK: u64 = (1 << LIMB_BITS) - 1;
/// 2^255 = 19 modulo p.
pub(crate) const FOLD: u32 = 19;

/// An encoding in 32 little-endian bytes.
pub(crate) type Encoding = [u8; 32];

/// Limbs below 2^51 + 2^16: fit to be multiplied.
#[derive(Clone, Copy)]
pub(crate) struct Tight(pub(crate) [__m512i; LIMBS]);

/// Limbs below 2^60: sums of products.
#[derive(Clone, Copy)]
pub(crate) struct Loose(pub(crate) [__m512i; LIMBS]);

/// Tells whether the processor has what all functions here need.
pub(crate) fn is_supported() -> bool {
    std::arch::is_x86_feature_detected!("avx512f")
        && std::arch::is_x86_feature_detected!("avx512dq")
        && std::arch::is_x86_feature_detected!("avx512ifma")
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn constant(value: u64) -> Loose {
    let mut limbs = [_mm512_setzero_si512(); LIMBS];
    limbs[0] = every_lane(value);
    Loose(limbs)
}

#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn add(a: &Loose, b: &Loose) -> Tight {
    let mut limbs = [_mm512_setzero_si512(); LIMBS];
    for i in 0..LIMBS {
        limbs[i] = _mm512_add_epi64(a.0[i], b.0[i]);
    }
    carry(&limbs)
}

/// Adds 2^10 p before subtracting, so that no limb (below 2^60) makes the difference negative.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn sub(a: &Loose, b: &Loose) -> Tight {
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
pub(crate) fn tighten(a: &Loose) -> Tight {
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
pub(crate) fn mul(a: &Tight, b: &Tight) -> Loose {
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
pub(crate) fn square(a: &Tight) -> Loose {
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

/// Multiplies, and makes a factor of the product.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn times(a: &Tight, b: &Tight) -> Tight {
    tighten(&mul(a, b))
}

/// Raises to p - 2 = 2^255 - 21: the inverse, or 0 of 0.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn invert(z: &Tight) -> Tight {
    let (ones_250, eleven) = raise_to_ones(z);
    times(&squared(&ones_250, 5), &eleven)
}

/// Raises to (p - 5) / 8 = 2^252 - 3.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn raise_for_root(z: &Tight) -> Tight {
    times(&squared(&raise_to_ones(z).0, 2), z)
}

/// Raises to 2^250 - 1, and to 11. Names tell exponents: `ones_n` is 2^n - 1.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
#[allow(clippy::similar_names)]
fn raise_to_ones(z: &Tight) -> (Tight, Tight) {
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
    (ones_250, eleven)
}

/// Returns the limbs below 2^51 of the one number below p.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn canonical(number: &Tight) -> [__m512i; LIMBS] {
    let fold = every_lane(FOLD.into());
    // As in `encode`: twice, then 19 is added to see whether that reaches 2^255.
    let mut limbs = number.0;
    for _ in 0..2 {
        let over = ripple(&mut limbs, _mm512_setzero_si512());
        limbs[0] = _mm512_madd52lo_epu64(limbs[0], over, fold);
    }
    let mut raised = limbs;
    let over = ripple(&mut raised, fold);
    let too_large = _mm512_madd52lo_epu64(_mm512_setzero_si512(), over, fold);
    ripple(&mut limbs, too_large);
    limbs
}

/// Adds to the lowest limb, carries from limb to limb, and returns what goes beyond 2^255.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn ripple(limbs: &mut [__m512i; LIMBS], add: __m512i) -> __m512i {
    let mask = every_lane(LIMB_MASK);
    let mut over = add;
    for limb in limbs {
        *limb = _mm512_add_epi64(*limb, over);
        over = _mm512_srli_epi64::<LIMB_BITS>(*limb);
        *limb = _mm512_and_si512(*limb, mask);
    }
    over
}

/// Returns the lanes whose number is odd, which RFC 9496 calls negative.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn are_negative(number: &Tight) -> u8 {
    _mm512_test_epi64_mask(canonical(number)[0], every_lane(1))
}

/// Returns the lanes whose number is 0.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn are_zero(number: &Tight) -> u8 {
    let limbs = canonical(number);
    let mut bits = limbs[0];
    for i in 1..LIMBS {
        bits = _mm512_or_si512(bits, limbs[i]);
    }
    _mm512_testn_epi64_mask(bits, bits)
}

/// Takes the lanes whose bit is set from `chosen`, the others from `others`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn select(lanes: u8, chosen: &Tight, others: &Tight) -> Tight {
    let mut limbs = others.0;
    for i in 0..LIMBS {
        limbs[i] = _mm512_mask_blend_epi64(lanes, others.0[i], chosen.0[i]);
    }
    Tight(limbs)
}

/// Adds factors.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn plus(a: &Tight, b: &Tight) -> Tight {
    add(&Loose(a.0), &Loose(b.0))
}

/// Subtracts factors.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn minus(a: &Tight, b: &Tight) -> Tight {
    sub(&Loose(a.0), &Loose(b.0))
}

/// Negates the lanes whose bit is set.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn negate(lanes: u8, number: &Tight) -> Tight {
    select(lanes, &minus(&number_everywhere(&[0; LIMBS]), number), number)
}

/// Puts one number into every lane.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn number_everywhere(limbs: &[u64; LIMBS]) -> Tight {
    let mut vectors = [_mm512_setzero_si512(); LIMBS];
    for i in 0..LIMBS {
        vectors[i] = every_lane(limbs[i]);
    }
    Tight(vectors)
}

/// Squares `count` times.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn squared(z: &Tight, count: u32) -> Tight {
    let mut power = *z;
    for _ in 0..count {
        power = tighten(&square(&power));
    }
    power
}

/// Reads encodings; bit 255 is ignored.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn read(points: &[Encoding; LANES]) -> Tight {
    let mut limbs = [[0_u64; LANES]; LIMBS];
    for (lane, point) in points.iter().enumerate() {
        for (i, limb) in limbs.iter_mut().enumerate() {
            limb[lane] = limb_of(point, i);
        }
    }
    Tight(limbs.map(from_lanes))
}

fn limb_of(point: &Encoding, i: usize) -> u64 {
    let bit = i * LIMB_BITS as usize;
    let mut window = [0; 8];
    let bytes = &point[bit / 8..point.len().min(bit / 8 + 8)];
    window[..bytes.len()].copy_from_slice(bytes);
    (u64::from_le_bytes(window) >> (bit % 8)) & LIMB_MASK
}

/// Writes the one encoding below p of every lane.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn write(number: &Tight) -> [Encoding; LANES] {
    let limbs = number.0.map(to_lanes);
    std::array::from_fn(|lane| encode(std::array::from_fn(|i| limbs[i][lane])))
}

/// Reduces limbs below 2^52 modulo p and encodes them.
fn encode(mut limbs: [u64; LIMBS]) -> Encoding {
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

fn pack(limbs: &[u64; LIMBS]) -> Encoding {
    let mut words = [0_u64; 4];
    for (i, limb) in limbs.iter().enumerate() {
        let bit = i * LIMB_BITS as usize;
        words[bit / 64] |= limb << (bit % 64);
        if bit % 64 > 64 - LIMB_BITS as usize && bit / 64 < 3 {
            words[bit / 64 + 1] |= limb >> (64 - bit % 64);
        }
    }
    let mut encoding = Encoding::default();
    for (bytes, word) in encoding.chunks_exact_mut(8).zip(words) {
        bytes.copy_from_slice(&word.to_le_bytes());
    }
    encoding
}

/// Turns rows into columns: lane `i` of the result `k` is lane `k` of row `i`.
#[inline]
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(crate) fn transposed(rows: &[__m512i; LANES]) -> [__m512i; LANES] {
    let mut columns = [_mm512_setzero_si512(); LANES];
    for odd in 0..2 {
        // Pairs of rows: blocks of two lanes hold columns `odd`, `odd + 2`, `odd + 4` and `odd + 6`.
        let mut pairs = [_mm512_setzero_si512(); LANES / 2];
        for i in 0..LANES / 2 {
            let (first, second) = (rows[2 * i], rows[2 * i + 1]);
            pairs[i] =
                if odd == 0 { _mm512_unpacklo_epi64(first, second) } else { _mm512_unpackhi_epi64(first, second) };
        }
        let [a, b, c, d] = pairs;
        let (low_ab, high_ab) = (_mm512_shuffle_i64x2::<0x44>(a, b), _mm512_shuffle_i64x2::<0xee>(a, b));
        let (low_cd, high_cd) = (_mm512_shuffle_i64x2::<0x44>(c, d), _mm512_shuffle_i64x2::<0xee>(c, d));
        columns[odd] = _mm512_shuffle_i64x2::<0x88>(low_ab, low_cd);
        columns[odd + 2] = _mm512_shuffle_i64x2::<0xdd>(low_ab, low_cd);
        columns[odd + 4] = _mm512_shuffle_i64x2::<0x88>(high_ab, high_cd);
        columns[odd + 6] = _mm512_shuffle_i64x2::<0xdd>(high_ab, high_cd);
    }
    columns
}

pub(crate) fn every_lane(value: u64) -> __m512i {
    from_lanes([value; LANES])
}

pub(crate) fn from_lanes(lanes: [u64; LANES]) -> __m512i {
    // SAFETY: both are 64 bytes of plain integers, lane 0 first.
    unsafe { std::mem::transmute(lanes) }
}

pub(crate) fn to_lanes(vector: __m512i) -> [u64; LANES] {
    // SAFETY: as in `from_lanes`.
    unsafe { std::mem::transmute(vector) }
}

#[cfg(test)]
mod tests {
    use super::{
        LANES, LIMB_BITS, LIMB_MASK, LIMBS, Tight, are_negative, are_zero, canonical, encode, from_lanes, is_supported,
        pack, to_lanes, transposed,
    };

    /// Limbs at the bounds of what is fit to be multiplied, of p and of its double.
    fn odd_numbers() -> Vec<[u64; LIMBS]> {
        let lowest = [0, 1, 18, 19, LIMB_MASK - 37, LIMB_MASK - 18, LIMB_MASK - 17, LIMB_MASK, LIMB_MASK + (1 << 15)];
        let others = [0, 1, LIMB_MASK, LIMB_MASK + 1, LIMB_MASK + (1 << 15)];
        let mut numbers = Vec::new();
        for first in lowest {
            for second in others {
                for third in others {
                    numbers.push([first, second, third, third, third]);
                    numbers.push([first, third, third, third, second]);
                }
            }
        }
        numbers
    }

    #[test]
    fn numbers_have_one_canonical_form() {
        if !is_supported() {
            return;
        }
        for numbers in odd_numbers().chunks(LANES) {
            let lane_of = |lane: usize| numbers.get(lane).unwrap_or(&[0; LIMBS]);
            let tight = Tight(std::array::from_fn(|i| from_lanes(std::array::from_fn(|lane| lane_of(lane)[i]))));
            // SAFETY: the processor has the features that the functions are compiled for.
            let (limbs, negative, zero) = unsafe { (canonical(&tight), are_negative(&tight), are_zero(&tight)) };
            let limbs = limbs.map(to_lanes);
            for (lane, number) in numbers.iter().enumerate() {
                let canonical: [u64; LIMBS] = std::array::from_fn(|i| limbs[i][lane]);
                assert!(canonical.iter().all(|limb| limb >> LIMB_BITS == 0));
                assert_eq!(pack(&canonical), encode(*number));
                assert_eq!(negative >> lane & 1, encode(*number)[0] & 1);
                assert_eq!(zero >> lane & 1 == 1, encode(*number) == [0; 32]);
            }
        }
    }

    #[test]
    fn rows_become_columns() {
        if !is_supported() {
            return;
        }
        let rows: [[u64; LANES]; LANES] = std::array::from_fn(|row| std::array::from_fn(|k| (10 * row + k) as u64));
        // SAFETY: the processor has the features that the function is compiled for.
        let columns = unsafe { transposed(&rows.map(from_lanes)) }.map(to_lanes);
        for (k, column) in columns.iter().enumerate() {
            assert_eq!(*column, std::array::from_fn(|row| (10 * row + k) as u64));
        }
    }
}
