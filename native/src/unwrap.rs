//! Taking one layer off a packet: sphinxmix `sphinx_process`, with every refusal named.

#![forbid(unsafe_code)]

use crate::geometry::{COMMAND_BYTES, COMMAND_LENGTH, Geometry, K_BYTES, ROUTING_BYTES, Refusal, SHIFT_BYTES};
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

/// Takes one layer off each of a few packets, trying each private key in turn; results are in the packets' order.
///
/// The MAC over beta is compared before anything of beta is believed. alpha needs no check that it is on the curve:
/// the ladder is twist-secure, and a sender who puts a twist point there only hurts its own packet.
///
/// A packet is refused for the first that applies of [`Refusal::WrongLength`], [`Refusal::BadPoint`],
/// [`Refusal::BadMac`], [`Refusal::UnknownCommand`].
pub fn unwrap_group<P: AsRef<[u8]>>(
    ladder: Ladder,
    keys: &[Exponent],
    packets: &[P],
    geometry: Geometry,
) -> Vec<Result<Unwrapped, Refusal>> {
    let parts = packets.iter().map(|packet| Parts::split(packet.as_ref(), geometry)).collect();
    let layers = open_layers(ladder, keys, parts);
    let pairs: Vec<_> = layers.iter().flatten().map(|layer| (&layer.hop.blinding, layer.parts.alpha)).collect();
    let next_alphas = ladder.x25519_each(&pairs);
    let mut next_alphas = next_alphas.iter();
    let mut finish = |layer: &Layer<'_>| {
        let next_alpha = next_alphas.next().and_then(Option::as_ref).ok_or(Refusal::BadPoint)?;
        Ok(layer.finish(next_alpha, geometry))
    };
    layers.iter().map(|layer| layer.as_ref().map_err(|&refusal| refusal).and_then(&mut finish)).collect()
}

/// A packet cut up.
#[derive(Clone, Copy)]
struct Parts<'a> {
    alpha: &'a Element,
    beta: &'a [u8],
    gamma: &'a [u8],
    body: &'a [u8],
}

/// A packet whose MAC fitted and whose routing was read.
struct Layer<'a> {
    parts: Parts<'a>,
    key_index: usize,
    hop: HopKeys,
    /// This hop's routing, then gamma and beta for the next one.
    routing: Vec<u8>,
}

impl<'a> Parts<'a> {
    fn split(packet: &'a [u8], geometry: Geometry) -> Result<Self, Refusal> {
        if packet.len() != geometry.packet_bytes() {
            return Err(Refusal::WrongLength);
        }
        let (header, body) = packet.split_at(geometry.header_bytes());
        let (alpha, beta_gamma) = header.split_first_chunk().ok_or(Refusal::WrongLength)?;
        let (beta, gamma) = beta_gamma.split_at(geometry.beta_bytes());
        if is_canonical(alpha) { Ok(Self { alpha, beta, gamma, body }) } else { Err(Refusal::BadPoint) }
    }
}

/// Finds the key that fits each packet, and reads its routing.
fn open_layers<'a>(
    ladder: Ladder,
    keys: &[Exponent],
    packets: Vec<Result<Parts<'a>, Refusal>>,
) -> Vec<Result<Layer<'a>, Refusal>> {
    let mut waiting: Vec<(usize, Parts<'a>)> = Vec::with_capacity(packets.len());
    let mut layers = Vec::with_capacity(packets.len());
    for (slot, parts) in packets.into_iter().enumerate() {
        layers.push(Err(parts.err().unwrap_or(Refusal::BadMac)));
        waiting.extend(parts.ok().map(|parts| (slot, parts)));
    }
    for (key_index, key) in keys.iter().enumerate() {
        let pairs: Vec<_> = waiting.iter().map(|(_, parts)| (key, parts.alpha)).collect();
        let shared_secrets = ladder.x25519_each(&pairs);
        let mut shared_secrets = shared_secrets.iter();
        waiting.retain(|&(slot, parts)| {
            let Some(shared_secret) = shared_secrets.next().and_then(Option::as_ref) else {
                layers[slot] = Err(Refusal::BadPoint);
                return false;
            };
            let hop = HopKeys::derive(shared_secret);
            let fits = mac_fits(&hop.mac, parts.beta, parts.gamma);
            if fits {
                layers[slot] = Layer::read(parts, key_index, hop);
            }
            !fits
        });
    }
    layers
}

impl<'a> Layer<'a> {
    fn read(parts: Parts<'a>, key_index: usize, hop: HopKeys) -> Result<Self, Refusal> {
        let mut routing = [parts.beta, &[0; SHIFT_BYTES]].concat();
        xor_stream(&hop.stream, 0, &mut routing);
        if routing[0] == COMMAND_LENGTH {
            Ok(Self { parts, key_index, hop, routing })
        } else {
            Err(Refusal::UnknownCommand)
        }
    }

    fn finish(&self, next_alpha: &Element, geometry: Geometry) -> Unwrapped {
        let (own, next) = self.routing.split_at(ROUTING_BYTES);
        let (next_gamma, next_beta) = next.split_at(K_BYTES);
        let mut packet = Vec::with_capacity(geometry.packet_bytes());
        packet.extend_from_slice(next_alpha);
        packet.extend_from_slice(next_beta);
        packet.extend_from_slice(next_gamma);
        packet.extend_from_slice(self.parts.body);
        lioness::decrypt(&self.hop.payload, &mut packet[geometry.header_bytes()..]);
        let mut command = [0; COMMAND_BYTES];
        command.copy_from_slice(&own[1..]);
        Unwrapped {
            key_index: self.key_index,
            replay_tag: self.hop.replay_tag,
            command,
            packet,
            payload_key: self.hop.payload,
        }
    }
}
