//! The sizes of a packet's parts, checked once and then relied upon.

#![forbid(unsafe_code)]

use std::fmt;

/// Bytes of a group element: a u-coordinate (RFC 7748).
pub const ELEMENT_BYTES: usize = 32;
/// Bytes of every symmetric key, MAC and tag: the security parameter k of Sphinx.
pub const K_BYTES: usize = 16;
/// The byte that precedes a command in the header.
pub const COMMAND_LENGTH: u8 = 41;
/// Bytes of one hop's routing command.
pub const COMMAND_BYTES: usize = COMMAND_LENGTH as usize;
/// Bytes of a command in the header: its length byte and itself.
pub const ROUTING_BYTES: usize = 1 + COMMAND_BYTES;
/// Bytes by which beta shifts at each hop: routing of the next hop and the MAC behind it.
pub const SHIFT_BYTES: usize = ROUTING_BYTES + K_BYTES;
/// Bytes of a body that never carry content: the MAC and the first byte of the padding.
pub const BODY_OVERHEAD_BYTES: usize = K_BYTES + 1;

const MAX_BETA_BYTES: usize = 1 << 13;
const MAX_BODY_BYTES: usize = 1 << 26;
const MIN_BODY_BYTES: usize = 2 * K_BYTES;

/// Why a request of the caller cannot be carried out; never a peer's doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// No hop, or more hops than beta has room for.
    HopCount,
    /// Commands and public keys differ in number.
    CommandCount,
    /// The command at this index does not have [`COMMAND_BYTES`].
    Command(usize),
    /// The public key at this index is not canonical, of low order or on the twist.
    PublicKey(usize),
    /// The padding does not fill beta exactly; holds the size it should have.
    Padding(usize),
    /// The content does not fit the body; holds the most that does.
    Content(usize),
    /// beta has no possible size.
    BetaBytes,
    /// The body has no possible size.
    BodyBytes,
}

impl fmt::Display for Misuse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HopCount => write!(f, "the header has no room for that many hops, or there is none"),
            Self::CommandCount => write!(f, "there must be as many commands as public keys"),
            Self::Command(index) => write!(f, "command {index} does not have {COMMAND_BYTES} bytes"),
            Self::PublicKey(index) => write!(f, "public key {index} is not a usable point of Curve25519"),
            Self::Padding(expected) => write!(f, "the header padding must have {expected} bytes"),
            Self::Content(limit) => write!(f, "the content is too long: at most {limit} bytes fit"),
            Self::BetaBytes => write!(f, "beta_bytes is out of range ({ROUTING_BYTES} to {MAX_BETA_BYTES})"),
            Self::BodyBytes => write!(f, "body_bytes is out of range ({MIN_BODY_BYTES} to {MAX_BODY_BYTES})"),
        }
    }
}

impl std::error::Error for Misuse {}

/// Checked sizes of header and body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Geometry {
    beta_bytes: usize,
    body_bytes: usize,
}

impl Geometry {
    /// Takes the sizes of beta and of the body.
    ///
    /// # Errors
    /// [`Misuse::BetaBytes`], [`Misuse::BodyBytes`] where no packet could have them.
    pub fn new(beta_bytes: usize, body_bytes: usize) -> Result<Self, Misuse> {
        check_beta_bytes(beta_bytes)?;
        check_body_bytes(body_bytes)?;
        Ok(Self { beta_bytes, body_bytes })
    }

    /// Bytes of beta, the encrypted routing information.
    #[must_use]
    pub fn beta_bytes(self) -> usize {
        self.beta_bytes
    }

    /// Bytes of the body.
    #[must_use]
    pub fn body_bytes(self) -> usize {
        self.body_bytes
    }

    /// Bytes of alpha, beta and gamma together.
    #[must_use]
    pub fn header_bytes(self) -> usize {
        ELEMENT_BYTES + self.beta_bytes + K_BYTES
    }

    /// Bytes of a whole packet.
    #[must_use]
    pub fn packet_bytes(self) -> usize {
        self.header_bytes() + self.body_bytes
    }
}

/// Refuses sizes of beta that hold no command or are absurd.
///
/// # Errors
/// [`Misuse::BetaBytes`].
pub fn check_beta_bytes(beta_bytes: usize) -> Result<(), Misuse> {
    if (ROUTING_BYTES..=MAX_BETA_BYTES).contains(&beta_bytes) { Ok(()) } else { Err(Misuse::BetaBytes) }
}

/// Refuses sizes of a body that LIONESS cannot encrypt or are absurd.
///
/// # Errors
/// [`Misuse::BodyBytes`].
pub fn check_body_bytes(body_bytes: usize) -> Result<(), Misuse> {
    if (MIN_BODY_BYTES..=MAX_BODY_BYTES).contains(&body_bytes) { Ok(()) } else { Err(Misuse::BodyBytes) }
}

/// Why a packet or body was refused; the names are those of `loopixmix.drops.DropReason`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Refusal {
    /// The size is not that of the geometry.
    WrongLength = 1,
    /// alpha is not canonical or of low order.
    BadPoint = 2,
    /// gamma fits beta under none of the keys.
    BadMac = 3,
    /// The length byte before the command is not [`COMMAND_BYTES`].
    UnknownCommand = 4,
    /// The body's MAC is wrong.
    TaggedPayload = 5,
    /// The body's MAC is right, its padding is not.
    BadPayload = 6,
}
