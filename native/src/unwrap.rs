//! Taking one layer off a packet: sphinxmix `sphinx_process`, with every refusal named.

#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use crate::geometry::{
    COMMAND_BYTES, COMMAND_LENGTH, ELEMENT_BYTES, Geometry, K_BYTES, ROUTING_BYTES, Refusal, SHIFT_BYTES,
};
use crate::group::{Element, Exponent, Ladder, is_canonical};
use crate::header::Command;
use crate::keys::{HopKeys, Key, mac_fits, xor_stream};
use crate::lioness;

/// What one layer held.
pub struct Unwrapped {
    /// Which private key fitted.
    pub key_index: usize,
    /// Names this packet at this hop; the same for every copy of it.
    pub replay_tag: Key,
    /// What this hop is told.
    pub command: Command,
    /// What goes to the next hop, of the same size.
    pub packet: Vec<u8>,
    /// Opens the body, if this is the last hop.
    pub payload_key: Key,
}

/// Takes one layer off `packet`, trying each private key in turn.
///
/// The MAC over beta is compared before anything of beta is believed. alpha needs no check that it is on the curve:
/// the ladder is twist-secure, and a sender who puts a twist point there only hurts its own packet.
///
/// # Errors
/// [`Refusal::WrongLength`], [`Refusal::BadPoint`], [`Refusal::BadMac`], [`Refusal::UnknownCommand`], checked in this order.
pub fn unwrap(ladder: Ladder, keys: &[Exponent], packet: &[u8], geometry: Geometry) -> Result<Unwrapped, Refusal> {
    if packet.len() != geometry.packet_bytes() {
        return Err(Refusal::WrongLength);
    }
    let (header, body) = packet.split_at(geometry.header_bytes());
    let (alpha, beta_gamma) = header.split_first_chunk::<ELEMENT_BYTES>().ok_or(Refusal::WrongLength)?;
    let (beta, gamma) = beta_gamma.split_at(geometry.beta_bytes());
    let (key_index, hop) = find_key(ladder, keys, alpha, beta, gamma)?;

    let mut routing = [beta, &[0; SHIFT_BYTES]].concat();
    xor_stream(&hop.stream, 0, &mut routing);
    if routing[0] != COMMAND_LENGTH {
        return Err(Refusal::UnknownCommand);
    }
    let mut command = [0; COMMAND_BYTES];
    command.copy_from_slice(&routing[1..ROUTING_BYTES]);

    let next_alpha = ladder.x25519(&hop.blinding, alpha).ok_or(Refusal::BadPoint)?;
    let mut next = Vec::with_capacity(packet.len());
    next.extend_from_slice(&next_alpha);
    next.extend_from_slice(&routing[SHIFT_BYTES..]);
    next.extend_from_slice(&routing[ROUTING_BYTES..ROUTING_BYTES + K_BYTES]);
    next.extend_from_slice(body);
    lioness::decrypt(&hop.payload, &mut next[geometry.header_bytes()..]);
    Ok(Unwrapped { key_index, replay_tag: hop.replay_tag, command, packet: next, payload_key: hop.payload })
}

fn find_key(
    ladder: Ladder,
    keys: &[Exponent],
    alpha: &Element,
    beta: &[u8],
    gamma: &[u8],
) -> Result<(usize, HopKeys), Refusal> {
    if !is_canonical(alpha) {
        return Err(Refusal::BadPoint);
    }
    for (index, key) in keys.iter().enumerate() {
        let shared_secret = Zeroizing::new(ladder.x25519(key, alpha).ok_or(Refusal::BadPoint)?);
        let hop = HopKeys::derive(&shared_secret);
        if mac_fits(&hop.mac, beta, gamma) {
            return Ok((index, hop));
        }
    }
    Err(Refusal::BadMac)
}
