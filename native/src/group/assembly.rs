//! X25519 of graviola, on the processors it is made for.

#![forbid(unsafe_code)]

use graviola::key_agreement::x25519::{PublicKey, StaticPrivateKey};

use super::{Element, Exponent};

/// graviola panics at first use on a processor without these, so they are looked for beforehand.
#[cfg(target_arch = "x86_64")]
pub(super) fn is_supported() -> bool {
    std::arch::is_x86_feature_detected!("aes")
        && std::arch::is_x86_feature_detected!("pclmulqdq")
        && std::arch::is_x86_feature_detected!("ssse3")
        && std::arch::is_x86_feature_detected!("bmi1")
        && std::arch::is_x86_feature_detected!("bmi2")
        && std::arch::is_x86_feature_detected!("adx")
        && std::arch::is_x86_feature_detected!("avx")
        && std::arch::is_x86_feature_detected!("avx2")
}

#[cfg(target_arch = "aarch64")]
pub(super) fn is_supported() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
        && std::arch::is_aarch64_feature_detected!("aes")
        && std::arch::is_aarch64_feature_detected!("pmull")
        && std::arch::is_aarch64_feature_detected!("sha2")
}

pub(super) fn x25519(exponent: &Exponent, point: &Element) -> Option<Element> {
    let shared = StaticPrivateKey::from_array(exponent).diffie_hellman(&PublicKey::from_array(point)).ok()?;
    Some(shared.0)
}

pub(super) fn public_key(exponent: &Exponent) -> Element {
    StaticPrivateKey::from_array(exponent).public_key().as_bytes()
}
