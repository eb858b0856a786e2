//! Making headers: sphinxmix `create_header`.

#![forbid(unsafe_code)]

use zeroize::Zeroizing;

use crate::geometry::{
    COMMAND_BYTES, COMMAND_LENGTH, ELEMENT_BYTES, K_BYTES, Misuse, ROUTING_BYTES, SHIFT_BYTES, check_beta_bytes,
};
use crate::group::{Blinding, Element, Exponent, Ladder, is_canonical, is_on_curve};
use crate::keys::{HopKeys, Key, mac, xor_stream};

/// One hop's routing command.
pub type Command = [u8; COMMAND_BYTES];

/// What a sender chooses for one path.
#[derive(Clone, Copy)]
pub struct Route<'a> {
    /// Each hop's public key, in path order.
    pub public_keys: &'a [Element],
    /// What each hop is told.
    pub commands: &'a [Command],
    /// The sender's secret exponent, used once.
    pub secret: &'a Exponent,
    /// Random bytes that fill the innermost beta, so that the last hop cannot tell the path's length
    /// (Kuhn, Beck, Strufe, arXiv 1910.13772).
    pub padding: &'a [u8],
}

/// A header, and the key of each hop's layer of the body.
pub struct Header {
    /// alpha, beta and gamma.
    pub bytes: Vec<u8>,
    /// In path order.
    pub payload_keys: Zeroizing<Vec<Key>>,
}

/// Returns the size of padding that fills the innermost beta.
///
/// # Errors
/// [`Misuse::BetaBytes`], [`Misuse::HopCount`].
pub fn padding_bytes(hops: usize, beta_bytes: usize) -> Result<usize, Misuse> {
    check_beta_bytes(beta_bytes)?;
    let shifts = hops.checked_sub(1).ok_or(Misuse::HopCount)?;
    let used = shifts.checked_mul(SHIFT_BYTES).ok_or(Misuse::HopCount)?;
    (beta_bytes - ROUTING_BYTES).checked_sub(used).ok_or(Misuse::HopCount)
}

/// Makes the header of a packet or SURB.
///
/// # Errors
/// A [`Misuse`] of keys, commands, padding or sizes.
pub fn create(ladder: Ladder, route: &Route<'_>, beta_bytes: usize) -> Result<Header, Misuse> {
    let padding = padding_bytes(route.public_keys.len(), beta_bytes)?;
    if route.commands.len() != route.public_keys.len() {
        return Err(Misuse::CommandCount);
    }
    if route.padding.len() != padding {
        return Err(Misuse::Padding(padding));
    }
    let (alpha, hops) = derive_hops(ladder, route)?;
    let (beta, gamma) = encrypt_routing(&hops, route.commands, route.padding, beta_bytes);
    let mut bytes = Vec::with_capacity(ELEMENT_BYTES + beta_bytes + K_BYTES);
    bytes.extend_from_slice(&alpha);
    bytes.extend_from_slice(&beta);
    bytes.extend_from_slice(&gamma);
    let payload_keys = hops.iter().map(|hop| hop.payload).collect::<Vec<_>>().into();
    Ok(Header { bytes, payload_keys })
}

/// Returns the first alpha and every hop's keys.
fn derive_hops(ladder: Ladder, route: &Route<'_>) -> Result<(Element, Vec<HopKeys>), Misuse> {
    let mut blinding = Blinding::new(ladder, route.secret, route.public_keys.len());
    let alpha = blinding.base();
    let mut hops = Vec::with_capacity(route.public_keys.len());
    for (index, public_key) in route.public_keys.iter().enumerate() {
        if !(is_canonical(public_key) && is_on_curve(public_key)) {
            return Err(Misuse::PublicKey(index));
        }
        let shared_secret = Zeroizing::new(blinding.times(public_key).ok_or(Misuse::PublicKey(index))?);
        let keys = HopKeys::derive(&shared_secret);
        blinding.blind(&keys.blinding);
        hops.push(keys);
    }
    Ok((alpha, hops))
}

/// Returns beta and gamma as the first hop sees them.
fn encrypt_routing(hops: &[HopKeys], commands: &[Command], padding: &[u8], beta_bytes: usize) -> (Vec<u8>, Key) {
    let filler = filler(hops, beta_bytes);
    let mut beta = Vec::with_capacity(beta_bytes + SHIFT_BYTES);
    let mut gamma = Key::default();
    for (hop, command) in hops.iter().zip(commands).rev() {
        if beta.is_empty() {
            append_routing(&mut beta, command);
            beta.extend_from_slice(padding);
            xor_stream(&hop.stream, 0, &mut beta);
            beta.extend_from_slice(&filler);
        } else {
            let mut outer = Vec::with_capacity(beta_bytes + SHIFT_BYTES);
            append_routing(&mut outer, command);
            outer.extend_from_slice(&gamma);
            outer.extend_from_slice(&beta[..beta_bytes - SHIFT_BYTES]);
            xor_stream(&hop.stream, 0, &mut outer);
            beta = outer;
        }
        gamma = mac(&hop.mac, &beta);
    }
    (beta, gamma)
}

fn append_routing(beta: &mut Vec<u8>, command: &Command) {
    beta.push(COMMAND_LENGTH);
    beta.extend_from_slice(command);
}

/// Returns what the zeros that hops append will have become when the last hop sees them (Sphinx section 3.2: phi).
fn filler(hops: &[HopKeys], beta_bytes: usize) -> Vec<u8> {
    let mut filler = Vec::with_capacity(hops.len() * SHIFT_BYTES);
    for hop in &hops[..hops.len() - 1] {
        let offset = beta_bytes - filler.len();
        filler.resize(filler.len() + SHIFT_BYTES, 0);
        xor_stream(&hop.stream, offset, &mut filler);
    }
    filler
}
