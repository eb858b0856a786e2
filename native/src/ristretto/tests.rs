use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as GENERATOR;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

use super::chunks::{self, Nanoseconds};
use super::column::{Misfit, Pairs};
use super::elements::{Elements, Form};
use super::fixed::FixedBase;
use super::sums::{Digits, multi_scalar};
use super::{dumping, embedding, hashing::Hasher, layout, scalars};

const SLOW: Nanoseconds = Nanoseconds(1_000_000);

fn scalar(number: usize) -> Scalar {
    Scalar::from_bytes_mod_order_wide(&Sha512::digest(number.to_le_bytes()).into())
}

/// Scalars whose digits are at their limits, and random ones.
fn odd_scalars(count: usize) -> Vec<Scalar> {
    let two = Scalar::from(2_u64);
    let powers = std::iter::successors(Some(Scalar::ONE), |power| Some(power * two)).take(252);
    let around = powers.flat_map(|power| [power, power - Scalar::ONE, -power, power + Scalar::ONE]);
    [Scalar::ZERO].into_iter().chain(around).chain((0..).map(scalar)).take(count).collect()
}

fn multiples(count: usize) -> Vec<RistrettoPoint> {
    std::iter::successors(Some(GENERATOR), |point| Some(point + GENERATOR)).take(count).collect()
}

#[test]
fn chunks_are_each_filled_once_and_come_in_order() {
    for length in [0, 1, 63, 64, 65, 5000] {
        let mut numbers = vec![0; length];
        chunks::fill(&mut numbers, SLOW, |begin, chunk| {
            for (number, out) in (begin..).zip(chunk) {
                *out += number;
            }
        });
        assert_eq!(numbers, (0..length).collect::<Vec<_>>());
        let ranges = chunks::map(length, SLOW, std::convert::identity);
        assert_eq!(ranges.into_iter().flatten().collect::<Vec<_>>(), numbers);
    }
}

#[test]
fn one_goes_with_each() {
    let pairs = Pairs::new(&[7], &[1, 2, 3]).unwrap();
    assert_eq!(pairs.from(1).collect::<Vec<_>>(), [(&7, &2), (&7, &3)]);
    assert_eq!(Pairs::new(&[1, 2, 3], &[7]).unwrap().len(), 3);
    assert_eq!(Pairs::<u8, u8>::new(&[1], &[]).unwrap().len(), 0);
    assert_eq!(Pairs::<u8, u8>::new(&[1, 2], &[]).err(), Some(Misfit::Lengths(2, 0)));
}

#[test]
fn digits_add_up_to_the_scalar_and_stay_in_their_bounds() {
    for (width, bits) in [(2, 253), (8, 253), (11, 253), (12, 253), (13, 253), (16, 253), (23, 253), (9, 128)] {
        let digits = Digits::new(width, bits);
        for number in odd_scalars(1200).into_iter().filter(|number| number.as_bytes()[16..] == [0; 16] || bits == 253) {
            let shifted = digits.shift(&number);
            let mut sum = Scalar::ZERO;
            for place in (0..digits.count()).rev() {
                let digit = digits.digit(&shifted, place);
                assert!(digit.unsigned_abs() as usize <= digits.largest(place));
                let value = Scalar::from(digit.unsigned_abs());
                sum = sum * Scalar::from(1_u64 << width) + if digit < 0 { -value } else { value };
            }
            assert_eq!(sum, number);
        }
    }
}

#[test]
fn sums_of_products_are_right_for_each_number_of_points() {
    for count in [0, 1, 2, 192, 193, 1100] {
        let (scalars, points) = (odd_scalars(count), multiples(count));
        let expected =
            scalars.iter().zip(1_u64..).map(|(scalar, number)| scalar * Scalar::from(number)).sum::<Scalar>();
        let elements = Elements::new(points, Form::Whole);
        let sum = multi_scalar(&scalars, &elements).unwrap();
        assert_eq!(sum.points().0, [RistrettoPoint::mul_base(&expected)]);
    }
    let all_zero = multi_scalar(&[Scalar::ZERO; 300], &Elements::new(multiples(300), Form::Whole)).unwrap();
    assert_eq!(all_zero.points().0, [RistrettoPoint::identity()]);
}

#[test]
fn tables_multiply_like_the_point() {
    let scalars = odd_scalars(1100);
    let expected: Vec<_> = scalars.iter().map(RistrettoPoint::mul_base).collect();
    let expected = Elements::new(expected, Form::Whole);
    for form in [Form::Whole, Form::Halves] {
        let half = GENERATOR * Scalar::from(2_u64).invert();
        let base = FixedBase::new(Elements::one(if form == Form::Whole { GENERATOR } else { half }, form));
        assert!(base.times(&scalars).equal(&expected));
        assert!(base.times_public(&scalars).equal(&expected));
        assert!(base.base().times(&scalars).unwrap().equal(&expected));
        assert_eq!(base.times(&scalars).encode(), expected.encode());
    }
}

#[test]
fn halves_and_whole_points_mix() {
    let scalars = odd_scalars(300);
    let halves = FixedBase::new(Elements::one(GENERATOR, Form::Whole)).times(&scalars);
    assert_eq!(halves.points().1, Form::Halves);
    let whole = Elements::decode(halves.encode().as_flattened()).unwrap().unwrap();
    assert_eq!(whole.points().1, Form::Whole);
    assert!(halves.equal(&whole) && whole.equal(&halves));
    let doubles = scalars::add(&Pairs::new(&scalars, &scalars).unwrap());
    let expected = FixedBase::new(Elements::one(GENERATOR, Form::Whole)).times(&doubles).encode();
    for (left, right) in [(&halves, &halves), (&halves, &whole), (&whole, &halves), (&whole, &whole)] {
        assert_eq!(left.add(right).unwrap().encode(), expected);
        assert!(left.subtract(right).unwrap().is_identity().into_iter().all(|neutral| neutral));
        assert_eq!(Elements::join(&[left, right]).encode(), [left.encode(), right.encode()].concat());
        assert!(left.negate().add(right).unwrap().sum().is_identity()[0]);
    }
}

#[test]
fn the_first_bad_encoding_is_told() {
    let mut bytes = Elements::new(multiples(500), Form::Whole).encode();
    bytes[321] = [0xff; 32];
    bytes[400] = [0xff; 32];
    assert_eq!(Elements::decode(bytes.as_flattened()).unwrap().err(), Some(321));
    assert_eq!(scalars::decode(bytes[320..].as_flattened()).unwrap().err().map(|index| index <= 1), Some(true));
    assert_eq!(Elements::decode(&[0; 33]).err(), Some(Misfit::Bytes(33, 32)));
}

#[test]
fn data_is_read_back() {
    let data: Vec<[u8; 30]> = (0..100).map(|byte| [byte; 30]).collect();
    let elements = embedding::embed(&data);
    let expected: Vec<_> = data.into_iter().map(Some).collect();
    assert_eq!(embedding::extract(&elements), expected);
    assert_eq!(embedding::extract(&Elements::new(multiples(50), Form::Whole)), [None; 50]);
}

#[test]
fn derived_elements_are_those_of_the_messages() {
    let hasher = Hasher::new(b"domain").unwrap();
    let messages: Vec<_> = (5_u64..205).map(|number| [&b"seed"[..], &number.to_be_bytes()].concat()).collect();
    assert_eq!(hasher.derive(b"seed", 5, 200).encode(), hasher.hash(&messages).encode());
    assert!(Hasher::new(&[]).is_none() && Hasher::new(&[0; 256]).is_none());
}

#[test]
fn points_are_laid_out_as_expected() {
    assert!(layout::is_known() || cfg!(not(target_pointer_width = "64")));
    for point in multiples(20) {
        assert_eq!(layout::point(&layout::coordinates(&point)).compress(), point.compress());
    }
}

#[test]
fn dumped_elements_are_read_back_in_either_form() {
    let whole = Elements::new(multiples(300), Form::Whole);
    let halves = Elements::new(multiples(300), Form::Halves);
    let dumped = [dumping::dump(&whole), dumping::dump(&halves)];
    for (elements, dumped) in [&whole, &halves].into_iter().zip(&dumped) {
        assert_eq!(dumped.len(), 300 * dumping::dump_bytes());
        assert_eq!(dumping::load(dumped).unwrap().encode(), elements.encode());
    }
    let both = dumping::load(&dumped.concat()).unwrap();
    assert_eq!(both.encode(), [whole.encode(), halves.encode()].concat());
    assert_eq!(dumping::load(&[0; 1]).err(), Some(Misfit::Bytes(1, dumping::dump_bytes())));
    let mut foreign = dumped[0].clone();
    foreign[2 * dumping::dump_bytes() + 7] = 0xff;
    assert_eq!(dumping::load(&foreign).err(), Some(Misfit::Dump(2)));
}
