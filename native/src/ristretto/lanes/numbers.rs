//! Constants of RFC 9496, section 4.1, in limbs of 51 bits; and its square root of a quotient.

use crate::lanes::{
    LIMBS, Tight, are_negative, are_zero, minus, negate, number_everywhere, plus, raise_for_root, select, square,
    tighten, times,
};

type Limbs = [u64; LIMBS];

pub(super) const ZERO: Limbs = [0; LIMBS];
pub(super) const ONE: Limbs = [1, 0, 0, 0, 0];
pub(super) const TWO: Limbs = [2, 0, 0, 0, 0];
pub(super) const D: Limbs =
    [929_955_233_495_203, 466_365_720_129_213, 1_662_059_464_998_953, 2_033_849_074_728_123, 1_442_794_654_840_575];
pub(super) const TWICE_D: Limbs =
    [1_859_910_466_990_425, 932_731_440_258_426, 1_072_319_116_312_658, 1_815_898_335_770_999, 633_789_495_995_903];
pub(super) const ROOT_OF_MINUS_1: Limbs =
    [1_718_705_420_411_056, 234_908_883_556_509, 2_233_514_472_574_048, 2_117_202_627_021_982, 765_476_049_583_133];
pub(super) const ONE_MINUS_D_SQUARED: Limbs =
    [1_136_626_929_484_150, 1_998_550_399_581_263, 496_427_632_559_748, 118_527_312_129_759, 45_110_755_273_534];
pub(super) const D_MINUS_ONE_SQUARED: Limbs =
    [1_507_062_230_895_904, 1_572_317_787_530_805, 683_053_064_812_840, 317_374_165_784_489, 1_572_899_562_415_810];
pub(super) const INVERSE_ROOT_OF_A_MINUS_D: Limbs =
    [278_908_739_862_762, 821_645_201_101_625, 8_113_234_426_968, 1_777_959_178_193_151, 2_118_520_810_568_447];
pub(super) const ROOT_OF_AD_MINUS_ONE: Limbs =
    [2_241_493_124_984_347, 425_987_919_032_274, 2_207_028_919_301_688, 1_220_490_630_685_848, 974_799_131_293_748];

/// SQRT_RATIO_M1 of RFC 9496, section 4.2: the lanes where `u / v` is a square, and the root that is not negative.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn root_of_ratio(u: &Tight, v: &Tight) -> (u8, Tight) {
    let i = number_everywhere(&ROOT_OF_MINUS_1);
    let v3 = times(&tighten(&square(v)), v);
    let v7 = times(&tighten(&square(&v3)), v);
    let r = times(&times(u, &v3), &raise_for_root(&times(u, &v7)));
    let check = times(v, &tighten(&square(&r)));
    let correct_sign = are_zero(&minus(&check, u));
    let flipped_sign = are_zero(&plus(&check, u));
    let flipped_sign_i = are_zero(&plus(&check, &times(u, &i)));
    let r = select(flipped_sign | flipped_sign_i, &times(&i, &r), &r);
    (correct_sign | flipped_sign, absolute(&r))
}

/// CT_ABS of RFC 9496, section 3.
#[target_feature(enable = "avx512f,avx512dq,avx512ifma")]
pub(super) fn absolute(number: &Tight) -> Tight {
    negate(are_negative(number), number)
}
