//! Payload bodies: `mac 16 | content | 0x7f | 0xff ...`, before the LIONESS layers.

#![forbid(unsafe_code)]

use crate::geometry::{BODY_OVERHEAD_BYTES, K_BYTES, Misuse, Refusal, check_body_bytes};
use crate::keys::{Key, mac, mac_fits};
use crate::lioness;

const PADDING_START: u8 = 0x7f;
const PADDING: u8 = 0xff;

/// Appends the padded and MACed `content` to `packet`.
///
/// # Errors
/// [`Misuse::BodyBytes`], and [`Misuse::Content`] if it does not fit.
pub fn append_padded(packet: &mut Vec<u8>, key: &Key, content: &[u8], body_bytes: usize) -> Result<(), Misuse> {
    check_body_bytes(body_bytes)?;
    let limit = body_bytes - BODY_OVERHEAD_BYTES;
    if content.len() > limit {
        return Err(Misuse::Content(limit));
    }
    let start = packet.len();
    packet.extend_from_slice(&[0; K_BYTES]);
    packet.extend_from_slice(content);
    packet.push(PADDING_START);
    packet.resize(start + body_bytes, PADDING);
    let tag = mac(key, &packet[start + K_BYTES..]);
    packet[start..start + K_BYTES].copy_from_slice(&tag);
    Ok(())
}

/// Returns the content of a body without LIONESS layers.
///
/// # Errors
/// [`Refusal::WrongLength`] (shorter than any body), [`Refusal::TaggedPayload`], [`Refusal::BadPayload`].
pub fn open<'body>(key: &Key, body: &'body [u8]) -> Result<&'body [u8], Refusal> {
    check_body_bytes(body.len()).map_err(|_| Refusal::WrongLength)?;
    let (tag, padded) = body.split_at(K_BYTES);
    if !mac_fits(key, padded, tag) {
        return Err(Refusal::TaggedPayload);
    }
    let end = padded.iter().rposition(|&byte| byte != PADDING).ok_or(Refusal::BadPayload)?;
    if padded[end] == PADDING_START { Ok(&padded[..end]) } else { Err(Refusal::BadPayload) }
}

/// Makes the body of a reply: padded, MACed and encrypted under the SURB's key (sphinxmix `package_surb`).
///
/// # Errors
/// [`Misuse::BodyBytes`], [`Misuse::Content`].
pub fn make_reply(ktilde: &Key, payload: &[u8], body_bytes: usize) -> Result<Vec<u8>, Misuse> {
    check_body_bytes(body_bytes)?;
    let mut body = Vec::with_capacity(body_bytes);
    append_padded(&mut body, ktilde, payload, body_bytes)?;
    lioness::encrypt(ktilde, &mut body);
    Ok(body)
}

/// Undoes what every hop did to the body of a reply, then [`make_reply`] (sphinxmix `receive_surb`).
///
/// Hops decrypt forward and reply bodies alike, so here their layers are put back on by encrypting, last hop first.
///
/// # Errors
/// As [`open`].
pub fn open_reply(ktilde: &Key, payload_keys: &[Key], mut body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
    check_body_bytes(body.len()).map_err(|_| Refusal::WrongLength)?;
    for key in payload_keys.iter().rev() {
        lioness::encrypt(key, &mut body);
    }
    lioness::decrypt(ktilde, &mut body);
    open(ktilde, &body).map(<[u8]>::to_vec)
}
