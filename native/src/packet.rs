//! Wrapping: a header, and a body with one LIONESS layer for each hop (sphinxmix `create_forward_message`).

#![forbid(unsafe_code)]

use crate::body::append_padded;
use crate::geometry::{Geometry, Misuse};
use crate::group::Ladder;
use crate::header::{Route, create};
use crate::lioness;

/// Makes a packet that brings `content` to the last hop of `route`.
///
/// # Errors
/// A [`Misuse`] of the route or the content.
pub fn wrap(ladder: Ladder, route: &Route<'_>, content: &[u8], geometry: Geometry) -> Result<Vec<u8>, Misuse> {
    let header = create(ladder, route, geometry.beta_bytes())?;
    let last = header.payload_keys.last().ok_or(Misuse::HopCount)?;
    let mut packet = header.bytes;
    packet.reserve_exact(geometry.body_bytes());
    append_padded(&mut packet, last, content, geometry.body_bytes())?;
    let body = &mut packet[geometry.header_bytes()..];
    for key in header.payload_keys.iter().rev() {
        lioness::encrypt(key, body);
    }
    Ok(packet)
}
