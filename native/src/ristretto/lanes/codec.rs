//! Decoding, encoding and the one-way map of RFC 9496, section 4.3.

use curve25519_dalek::ristretto::RistrettoPoint;

use super::numbers::{
    D, D_MINUS_ONE_SQUARED, INVERSE_ROOT_OF_A_MINUS_D, ONE, ONE_MINUS_D_SQUARED, ROOT_OF_AD_MINUS_ONE, ROOT_OF_MINUS_1,
    ZERO, absolute, root_of_ratio,
};
use super::points::Points;
use super::{LANES, is_supported};
use crate::group::is_canonical;
use crate::lanes::{
    Encoding, Tight, are_negative, are_zero, invert, minus, negate, number_everywhere, plus, read, select, square,
    tighten, times, write,
};

/// Decodes up to eight encodings into `out`, and returns the lanes that hold the encoding of an element.
///
/// # Panics
/// Where it is not supported.
pub(in crate::ristretto) fn decode(encodings: &[Encoding], out: &mut [RistrettoPoint]) -> u8 {
    assert!(is_supported());
    // SAFETY: the processor has the features that the function is compiled for.
    unsafe { decode_lanes(encodings, out) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn decode_lanes(encodings: &[Encoding], out: &mut [RistrettoPoint]) -> u8 {
    let mut lanes = [Encoding::default(); LANES];
    let mut well_formed = 0;
    for (lane, encoding) in encodings.iter().enumerate().take(LANES) {
        lanes[lane] = *encoding;
        well_formed |= u8::from(is_canonical(encoding) && encoding[0] & 1 == 0) << lane;
    }
    let (one, s) = (number_everywhere(&ONE), read(&lanes));
    let ss = tighten(&square(&s));
    let (u1, u2) = (minus(&one, &ss), plus(&one, &ss));
    let u2_squared = tighten(&square(&u2));
    let d_u1 = times(&number_everywhere(&D), &tighten(&square(&u1)));
    let v = minus(&minus(&number_everywhere(&ZERO), &d_u1), &u2_squared);
    let (was_square, inverse_root) = root_of_ratio(&one, &times(&v, &u2_squared));
    let den_x = times(&inverse_root, &u2);
    let den_y = times(&times(&inverse_root, &den_x), &v);
    let x = absolute(&times(&plus(&s, &s), &den_x));
    let y = times(&u1, &den_y);
    let t = times(&x, &y);
    let good = well_formed & was_square & !are_negative(&t) & !are_zero(&y);
    Points { x, y, z: one, t }.write(out);
    good
}

/// Encodes up to eight elements.
///
/// # Panics
/// Where it is not supported, or if there is no element.
pub(in crate::ristretto) fn encode(points: &[RistrettoPoint], out: &mut [Encoding]) {
    assert!(is_supported());
    // SAFETY: the processor has the features that the function is compiled for.
    let encodings = unsafe { encode_lanes(points) };
    out.copy_from_slice(&encodings[..out.len()]);
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn encode_lanes(points: &[RistrettoPoint]) -> [Encoding; LANES] {
    let Points { x, y, z, t } = Points::read(points);
    let u1 = times(&plus(&z, &y), &minus(&z, &y));
    let u2 = times(&x, &y);
    let (_, inverse_root) = root_of_ratio(&number_everywhere(&ONE), &times(&u1, &tighten(&square(&u2))));
    let (den1, den2) = (times(&inverse_root, &u1), times(&inverse_root, &u2));
    let z_inverse = times(&times(&den1, &den2), &t);
    let i = number_everywhere(&ROOT_OF_MINUS_1);
    let (ix, iy) = (times(&x, &i), times(&y, &i));
    let enchanted = times(&den1, &number_everywhere(&INVERSE_ROOT_OF_A_MINUS_D));
    let rotate = are_negative(&times(&t, &z_inverse));
    let (x, y) = (select(rotate, &iy, &x), select(rotate, &ix, &y));
    let den_inverse = select(rotate, &enchanted, &den2);
    let y = negate(are_negative(&times(&x, &z_inverse)), &y);
    write(&absolute(&times(&den_inverse, &minus(&z, &y))))
}

/// How many groups of eight share one inversion.
const GROUPS: usize = 32;

/// Encodes the doubles of elements, which needs no square root: "Batched Double-and-Encode" of
/// <https://ristretto.group>, by the isogenies of Hamburg, "Decaf" (CRYPTO 2015). Names are those of that text.
///
/// # Panics
/// Where it is not supported.
pub(in crate::ristretto) fn encode_doubles(points: &[RistrettoPoint], out: &mut [Encoding]) {
    assert!(is_supported());
    for (points, out) in points.chunks(GROUPS * LANES).zip(out.chunks_mut(GROUPS * LANES)) {
        // SAFETY: the processor has the features that the function is compiled for.
        unsafe { encode_doubles_of_groups(points, out) }
    }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn encode_doubles_of_groups(points: &[RistrettoPoint], out: &mut [Encoding]) {
    let mut doubles = Vec::with_capacity(GROUPS);
    let mut products = Vec::with_capacity(GROUPS);
    for points in points.chunks(LANES) {
        let double = Double::new(&Points::read(points));
        products.push(times(&double.eg, &double.fh));
        doubles.push(double);
    }
    invert_all(&mut products);
    for ((double, inverse), out) in doubles.iter().zip(&products).zip(out.chunks_mut(LANES)) {
        out.copy_from_slice(&double.encode(inverse)[..out.len()]);
    }
}

/// What the encoding of twice a point is computed from.
struct Double {
    e: Tight,
    f: Tight,
    g: Tight,
    h: Tight,
    eg: Tight,
    fh: Tight,
}

impl Double {
    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn new(points: &Points) -> Self {
        let Points { x, y, z, t } = points;
        let zz = tighten(&square(z));
        let dtt = times(&number_everywhere(&D), &tighten(&square(t)));
        let e = times(x, &plus(y, y));
        let (f, h) = (plus(&zz, &dtt), minus(&zz, &dtt));
        let g = plus(&tighten(&square(y)), &tighten(&square(x)));
        let (eg, fh) = (times(&e, &g), times(&f, &h));
        Self { e, f, g, h, eg, fh }
    }

    #[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
    fn encode(&self, inverse: &Tight) -> [Encoding; LANES] {
        let (z_inverse, t_inverse) = (times(&self.eg, inverse), times(&self.fh, inverse));
        let i = number_everywhere(&ROOT_OF_MINUS_1);
        let rotate = are_negative(&times(&self.eg, &z_inverse));
        let e = select(rotate, &self.g, &self.e);
        let g = select(rotate, &minus(&number_everywhere(&ZERO), &self.e), &self.g);
        let h = select(rotate, &times(&self.f, &i), &self.h);
        let magic = select(rotate, &i, &number_everywhere(&INVERSE_ROOT_OF_A_MINUS_D));
        let g = negate(are_negative(&times(&times(&h, &e), &z_inverse)), &g);
        write(&absolute(&times(&minus(&h, &g), &times(&magic, &times(&g, &t_inverse)))))
    }
}

/// Inverts all numbers by one inversion (Montgomery's trick); 0 stays 0.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn invert_all(numbers: &mut [Tight]) {
    let one = number_everywhere(&ONE);
    let mut product = one;
    let mut before = Vec::with_capacity(numbers.len());
    for number in &mut *numbers {
        let zero = are_zero(number);
        before.push((product, zero));
        *number = select(zero, &one, number);
        product = times(&product, number);
    }
    let mut inverse = invert(&product);
    for (number, (product, zero)) in numbers.iter_mut().zip(before).rev() {
        let next = times(&inverse, number);
        *number = select(zero, &number_everywhere(&ZERO), &times(&inverse, &product));
        inverse = next;
    }
}

/// Maps up to eight blocks of 64 uniform bytes to elements.
///
/// # Panics
/// Where it is not supported.
pub(in crate::ristretto) fn hash(uniform: &[[u8; 64]], out: &mut [RistrettoPoint]) {
    assert!(is_supported());
    let mut halves = [[Encoding::default(); LANES]; 2];
    for (lane, block) in uniform.iter().enumerate().take(LANES) {
        halves[0][lane].copy_from_slice(&block[..32]);
        halves[1][lane].copy_from_slice(&block[32..]);
    }
    // SAFETY: the processor has the features that the functions are compiled for.
    unsafe { add_maps(&halves, out) }
}

#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn add_maps(halves: &[[Encoding; LANES]; 2], out: &mut [RistrettoPoint]) {
    map(&read(&halves[0])).plus(&map(&read(&halves[1])).cached()).write(out);
}

/// MAP of RFC 9496, section 4.3.4.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
fn map(t: &Tight) -> Points {
    let (zero, one, d) = (number_everywhere(&ZERO), number_everywhere(&ONE), number_everywhere(&D));
    let r = times(&number_everywhere(&ROOT_OF_MINUS_1), &tighten(&square(t)));
    let u = times(&plus(&r, &one), &number_everywhere(&ONE_MINUS_D_SQUARED));
    let minus_one = minus(&zero, &one);
    let v = times(&minus(&minus_one, &times(&r, &d)), &plus(&r, &d));
    let (was_square, s) = root_of_ratio(&u, &v);
    let s_prime = minus(&zero, &absolute(&times(&s, t)));
    let s = select(was_square, &s, &s_prime);
    let c = select(was_square, &minus_one, &r);
    let n = minus(&times(&times(&c, &minus(&r, &one)), &number_everywhere(&D_MINUS_ONE_SQUARED)), &v);
    let ss = tighten(&square(&s));
    let w0 = times(&plus(&s, &s), &v);
    let w1 = times(&n, &number_everywhere(&ROOT_OF_AD_MINUS_ONE));
    let (w2, w3) = (minus(&one, &ss), plus(&one, &ss));
    Points { x: times(&w0, &w3), y: times(&w2, &w1), z: times(&w1, &w3), t: times(&w0, &w2) }
}
