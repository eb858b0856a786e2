//! X25519 against RFC 7748, and products of exponents against ladders one after another.

use curve25519_dalek::constants::{ED25519_BASEPOINT_POINT, EIGHT_TORSION};
use curve25519_dalek::scalar::{Scalar, clamp_integer};
use sha2::{Digest, Sha256};

use super::blinding::representative;
use super::*;

const LADDERS: [Ladder; 3] = [Ladder::Lanes, Ladder::Assembly, Ladder::Portable];
const BASE: Element = {
    let mut base = [0; 32];
    base[0] = 9;
    base
};

fn supported() -> impl Iterator<Item = Ladder> {
    LADDERS.into_iter().filter(|ladder| ladder.is_supported())
}

fn number(seed: &str, index: u32) -> [u8; 32] {
    Sha256::new().chain_update(seed).chain_update(index.to_le_bytes()).finalize().into()
}

fn hex(text: &str) -> [u8; 32] {
    let byte = |i: usize| u8::from_str_radix(&text[2 * i..2 * i + 2], 16).unwrap();
    std::array::from_fn(byte)
}

fn in_sequence(ladder: Ladder, factors: &[Exponent], point: &Element) -> Option<Element> {
    factors.iter().try_fold(*point, |u, factor| ladder.x25519(factor, &u))
}

#[test]
fn x25519_has_the_values_of_rfc_7748_section_5_2() {
    let cases = [
        (
            "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
            "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
        ),
        (
            "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
            "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
        ),
    ];
    for ladder in supported() {
        for (scalar, u, product) in cases {
            assert_eq!(ladder.x25519(&hex(scalar), &hex(u)), Some(hex(product)), "{ladder:?}");
        }
        let (mut k, mut u) = (BASE, BASE);
        for _ in 0..1000 {
            (k, u) = (ladder.x25519(&k, &u).unwrap(), k);
        }
        assert_eq!(k, hex("684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"), "{ladder:?}");
    }
}

#[test]
fn public_keys_are_multiples_of_the_base_point() {
    for ladder in supported() {
        for i in 0..50 {
            let private = number("private", i);
            assert_eq!(Some(ladder.public_key(&private)), Ladder::Portable.x25519(&private, &BASE));
        }
    }
}

#[test]
fn ladders_agree_on_curve_and_twist() {
    for ladder in supported() {
        for i in 0..200 {
            let (exponent, point) = (number("exponent", i), number("point", i));
            assert_eq!(ladder.x25519(&exponent, &point), Ladder::Portable.x25519(&exponent, &point));
        }
    }
}

#[test]
fn many_at_once_equal_one_by_one() {
    for ladder in supported() {
        for count in 0..20 {
            let inputs: Vec<_> = (0..count).map(|i| (number("many", i), number("points", 97 * count + i))).collect();
            let pairs: Vec<_> = inputs.iter().map(|(exponent, point)| (exponent, point)).collect();
            let expected: Vec<_> =
                pairs.iter().map(|(exponent, point)| Ladder::Portable.x25519(exponent, point)).collect();
            assert_eq!(*ladder.x25519_each(&pairs), expected, "{ladder:?} {count}");
        }
    }
}

#[test]
fn many_at_once_at_the_edges_of_the_field() {
    let edge = |low: u8, middle: u8, high: u8| {
        let mut element = [middle; 32];
        (element[0], element[31]) = (low, high);
        element
    };
    let bytes = [0, 1, 2, 9, 0x12, 0x13, 0xec, 0xed, 0xee, 0xff];
    let ends = bytes.iter().flat_map(|&low| [(low, 0, 0), (low, 0xff, 0x7f), (low, 0xff, 0xff), (low, 0, 0x80)]);
    let points: Vec<Element> = ends.map(|(low, middle, high)| edge(low, middle, high)).collect();
    let exponents = [[0; 32], [0xff; 32], number("edge", 0)];
    for ladder in supported() {
        for exponent in &exponents {
            let pairs: Vec<_> = points.iter().map(|point| (exponent, point)).collect();
            let expected: Vec<_> = points.iter().map(|point| Ladder::Portable.x25519(exponent, point)).collect();
            assert_eq!(*ladder.x25519_each(&pairs), expected, "{ladder:?}");
        }
    }
}

#[test]
fn low_order_points_do_not_disturb_their_neighbours() {
    for ladder in supported() {
        let exponent = number("neighbour", 0);
        let (good, zero) = (number("neighbour", 1), [0; 32]);
        let pairs = [&good, &zero, &good, &good, &zero, &good, &good, &zero, &zero].map(|point| (&exponent, point));
        let expected = pairs.map(|(exponent, point)| Ladder::Portable.x25519(exponent, point));
        assert!(expected.iter().any(Option::is_none));
        assert_eq!(*ladder.x25519_each(&pairs), expected);
    }
}

#[test]
fn products_equal_ladders_one_after_another() {
    for ladder in supported() {
        for chain in 0..60 {
            let factors: Vec<_> = (0..6).map(|i| number("factor", 6 * chain + i)).collect();
            let point = ladder.public_key(&number("point", chain));
            let mut blinding = Blinding::new(ladder, &factors[0], factors.len());
            for used in 1..=factors.len() {
                assert_eq!(Some(blinding.base()), in_sequence(ladder, &factors[..used], &BASE));
                assert_eq!(blinding.times(&point), in_sequence(ladder, &factors[..used], &point));
                if let Some(next) = factors.get(used) {
                    blinding.blind(next);
                }
            }
        }
    }
}

#[test]
fn torsion_parts_vanish_as_in_the_sequence() {
    for ladder in supported() {
        for (i, torsion) in (0..).zip(EIGHT_TORSION) {
            let factors = [number("torsion", 2 * i), number("torsion", 2 * i + 1)];
            let point = (ED25519_BASEPOINT_POINT * Scalar::from(i + 2) + torsion).to_montgomery().to_bytes();
            let mut blinding = Blinding::new(ladder, &factors[0], 2);
            blinding.blind(&factors[1]);
            assert!(is_on_curve(&point));
            assert_eq!(blinding.times(&point), in_sequence(ladder, &factors, &point));
        }
    }
}

#[test]
fn representatives_are_clamped_and_congruent() {
    let two_to = |bits: usize| (0..bits).fold(Scalar::ONE, |power, _| power + power);
    let edges = [two_to(251), two_to(251) - Scalar::ONE, two_to(251) + Scalar::ONE, two_to(252) - Scalar::ONE];
    let random = (0..500).map(|i| Scalar::from_bytes_mod_order(number("product", i)));
    for eighth_of_product in edges.into_iter().chain(random) {
        let product = eighth_of_product * Scalar::from(8_u8);
        let found = representative(&product).unwrap();
        assert_eq!(*found, clamp_integer(*found));
        let congruent = Scalar::from_bytes_mod_order(*found);
        assert!(congruent == product || congruent == -product);
    }
}

#[test]
fn products_without_a_representative_take_the_sequence() {
    let two_to_252 = (0..252).fold(Scalar::ONE, |power, _| power + power);
    for eighth_of_product in [Scalar::ZERO, Scalar::ONE, -Scalar::ONE, two_to_252, -two_to_252] {
        let product = eighth_of_product * Scalar::from(8_u8);
        assert!(representative(&product).is_none());
        for ladder in supported() {
            let factors = vec![number("rare", 0), number("rare", 1), number("rare", 2)];
            let point = ladder.public_key(&number("rare", 3));
            let expected = (in_sequence(ladder, &factors, &BASE), in_sequence(ladder, &factors, &point));
            let blinding = Blinding { ladder, product, factors };
            assert_eq!((Some(blinding.base()), blinding.times(&point)), expected);
        }
    }
}

#[test]
fn low_order_points_have_no_product() {
    // u of the points of order 1, 2, 4 and 8 on the curve and the twist, the last two not canonical
    // (https://cr.yp.to/ecdh.html#validate, those that 255 bits can hold).
    let low_order = [
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    ];
    for ladder in supported() {
        for point in low_order {
            assert_eq!(ladder.x25519(&number("any", 0), &hex(point)), None, "{ladder:?} {point}");
            assert_eq!(*ladder.x25519_each(&[(&number("any", 2), &hex(point)); 8]), [None; 8], "{ladder:?} {point}");
            assert_eq!(Blinding::new(ladder, &number("any", 1), 1).times(&hex(point)), None, "{ladder:?} {point}");
        }
    }
}

#[test]
fn canonical_encodings_are_those_below_p() {
    let canonical = ["ec", "00"].map(|low| hex(&format!("{low}{}7f", "ff".repeat(30))));
    let not = ["ed", "ee", "ff"].map(|low| hex(&format!("{low}{}7f", "ff".repeat(30))));
    assert!(canonical.iter().all(is_canonical));
    assert!(!not.iter().any(is_canonical));
    assert!(is_canonical(&[0; 32]) && is_canonical(&BASE) && is_canonical(&[0x7f; 32]));
    assert!(!is_canonical(&[0x80; 32]) && !is_canonical(&[0xff; 32]));
}

#[test]
fn two_is_on_the_twist_and_nine_on_the_curve() {
    let small = |u: u8| {
        let mut element = [0; 32];
        element[0] = u;
        element
    };
    // Euler's criterion for u^3 + 486662 u^2 + u, computed apart.
    let on_curve: Vec<u8> = (1..=20).filter(|&u| is_on_curve(&small(u))).collect();
    assert_eq!(on_curve, [1, 4, 6, 7, 8, 9, 10, 11, 13, 15, 16, 17, 18, 19]);
}
