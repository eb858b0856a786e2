use curve25519_dalek::constants::RISTRETTO_BASEPOINT_POINT as GENERATOR;
use curve25519_dalek::ristretto::RistrettoPoint;
use curve25519_dalek::scalar::Scalar;
use curve25519_dalek::traits::Identity;
use sha2::{Digest, Sha512};

use super::arithmetic::Arithmetic;
use super::chunks::{self, Nanoseconds};
use super::column::{Misfit, Pairs};
use super::elements::{Elements, Form};
use super::fixed::FixedBase;
use super::sums::{Digits, multi_scalar};
use super::{dumping, embedding, hashing::Hasher, layout, scalars};

/// Both, where the processor has both.
fn arithmetics() -> Vec<Arithmetic> {
    if Arithmetic::pick() == Arithmetic::Single {
        vec![Arithmetic::Single]
    } else {
        vec![Arithmetic::Single, Arithmetic::pick()]
    }
}

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
        for arithmetic in arithmetics() {
            let sum = multi_scalar(arithmetic, &scalars, &elements).unwrap();
            assert_eq!(sum.points().0, [RistrettoPoint::mul_base(&expected)]);
        }
    }
    let elements = Elements::new(multiples(9000), Form::Whole);
    for arithmetic in arithmetics() {
        let all_zero = multi_scalar(arithmetic, &vec![Scalar::ZERO; 9000], &elements).unwrap();
        assert_eq!(all_zero.points().0, [RistrettoPoint::identity()]);
        let short: Vec<_> = (0..9000_u64).map(|number| Scalar::from(number % 255)).collect();
        let expected: u64 = (0..9000).map(|number| number % 255 * (number + 1)).sum();
        let sum = multi_scalar(arithmetic, &short, &elements).unwrap();
        assert_eq!(sum.points().0, [RistrettoPoint::mul_base(&Scalar::from(expected))]);
    }
}

#[test]
fn tables_multiply_like_the_point() {
    let scalars = odd_scalars(1100);
    let expected: Vec<_> = scalars.iter().map(RistrettoPoint::mul_base).collect();
    let expected = Elements::new(expected, Form::Whole);
    for (form, arithmetic) in [Form::Whole, Form::Halves]
        .into_iter()
        .flat_map(|form| arithmetics().into_iter().map(move |arithmetic| (form, arithmetic)))
    {
        let half = GENERATOR * Scalar::from(2_u64).invert();
        let base = FixedBase::new(arithmetic, Elements::one(if form == Form::Whole { GENERATOR } else { half }, form));
        assert!(base.times(&scalars).equal(&expected));
        assert!(base.times_public(&scalars).equal(&expected));
        assert!(base.base().times(&scalars).unwrap().equal(&expected));
        assert_eq!(base.times(&scalars).encode(), expected.encode());
    }
}

#[test]
fn halves_and_whole_points_mix() {
    let scalars = odd_scalars(300);
    let halves = FixedBase::new(Arithmetic::pick(), Elements::one(GENERATOR, Form::Whole)).times(&scalars);
    assert_eq!(halves.points().1, Form::Halves);
    let whole = Elements::decode(halves.encode().as_flattened()).unwrap().unwrap();
    assert_eq!(whole.points().1, Form::Whole);
    assert!(halves.equal(&whole) && whole.equal(&halves));
    let doubles = scalars::add(&Pairs::new(&scalars, &scalars).unwrap());
    let expected = FixedBase::new(Arithmetic::pick(), Elements::one(GENERATOR, Form::Whole)).times(&doubles).encode();
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
    let expected: Vec<_> = data.iter().copied().map(Some).collect();
    let encodings = embedding::embed(Arithmetic::Single, &data).encode();
    for arithmetic in arithmetics() {
        let elements = embedding::embed(arithmetic, &data);
        assert_eq!(elements.encode(), encodings);
        assert_eq!(embedding::extract(arithmetic, &elements), expected);
        assert_eq!(embedding::extract(arithmetic, &Elements::new(multiples(50), Form::Whole)), [None; 50]);
    }
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
    let points = multiples(20);
    let mut copies = vec![RistrettoPoint::identity(); 20];
    layout::coordinates_mut(&mut copies).copy_from_slice(layout::coordinates(&points));
    assert_eq!(copies, points);
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

/// Encodings of elements and of none: random ones, those near the bounds of the field, and small numbers.
fn odd_encodings() -> Vec<[u8; 32]> {
    let small = (0..70_u8).map(|byte| std::array::from_fn(|i| if i == 0 { byte } else { 0 }));
    let large = (0xd0..=0xff_u8).flat_map(|byte| {
        [0x7f, 0xff].map(|last| {
            let mut encoding = [0xff; 32];
            (encoding[0], encoding[31]) = (byte, last);
            encoding
        })
    });
    let random = (0_u64..500).map(|number| {
        let mut encoding: [u8; 32] = Sha512::digest(number.to_le_bytes())[..32].try_into().unwrap();
        encoding[0] &= 0xfe;
        encoding[31] &= 0x7f;
        encoding
    });
    small.chain(large).chain(random).collect()
}

#[test]
fn each_arithmetic_decodes_and_encodes_alike() {
    let encodings = odd_encodings();
    let decoded = |arithmetic: Arithmetic| {
        let (mut points, mut bad) = (vec![RistrettoPoint::identity(); encodings.len()], Vec::new());
        arithmetic.decode(&encodings, &mut points, |index| bad.push(index));
        (points, bad)
    };
    let (expected, bad) = decoded(Arithmetic::Single);
    assert!(bad.len() > 100 && bad.len() < encodings.len() - 100);
    for arithmetic in arithmetics() {
        let (points, found_bad) = decoded(arithmetic);
        assert_eq!(found_bad, bad);
        let mut encoded = vec![[0; 32]; points.len()];
        arithmetic.encode(&expected, &mut encoded);
        for index in (0..points.len()).filter(|index| !bad.contains(index)) {
            assert_eq!(points[index], expected[index]);
            assert_eq!(encoded[index], encodings[index]);
        }
    }
}

#[test]
fn each_arithmetic_encodes_results_of_additions() {
    // Their coordinates are not those of a decoded element, and of all four that stand for one element.
    let points: Vec<_> = multiples(600).iter().zip(odd_scalars(600)).map(|(point, scalar)| point * scalar).collect();
    let with_neutral: Vec<_> = [RistrettoPoint::identity(); 3].into_iter().chain(points).collect();
    for count in [1, 3, 7, 8, 9, 603] {
        let points = &with_neutral[..count];
        let expected: Vec<_> = points.iter().map(|point| point.compress().to_bytes()).collect();
        let expected_doubles: Vec<_> = points.iter().map(|point| (point + point).compress().to_bytes()).collect();
        for arithmetic in arithmetics() {
            let mut encoded = vec![[0; 32]; count];
            arithmetic.encode(points, &mut encoded);
            assert_eq!(encoded, expected);
            arithmetic.encode_doubles(points, &mut encoded);
            assert_eq!(encoded, expected_doubles);
        }
    }
}

#[test]
fn each_arithmetic_maps_to_the_same_elements() {
    let zero_and_one = [[0; 64], std::array::from_fn(|i| u8::from(i % 32 == 0)), [0xff; 64]];
    let random = (0_u64..100).map(|number| Sha512::digest(number.to_le_bytes()).into());
    let uniform: Vec<[u8; 64]> = zero_and_one.into_iter().chain(random).collect();
    let expected: Vec<_> = uniform.iter().map(RistrettoPoint::from_uniform_bytes).collect();
    for arithmetic in arithmetics() {
        let mut mapped = vec![RistrettoPoint::identity(); uniform.len()];
        arithmetic.map(&uniform, &mut mapped);
        assert_eq!(mapped, expected);
    }
}

#[test]
fn each_arithmetic_multiplies_alike() {
    let scalars = odd_scalars(1100);
    let points: Vec<_> = [RistrettoPoint::identity()].into_iter().chain(multiples(1099)).collect();
    let expected: Vec<_> = points.iter().zip(&scalars).map(|(point, scalar)| point * scalar).collect();
    for arithmetic in arithmetics() {
        let mut products = vec![RistrettoPoint::identity(); points.len()];
        arithmetic.times(&points, &scalars, &mut products);
        assert_eq!(products, expected);
    }
}
