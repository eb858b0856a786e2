"""The reasons for which a packet is dropped or a link refused: counted, and never told to the other side."""

from __future__ import annotations

import enum


class DropReason(enum.StrEnum):
    """Why a packet went no further. Each is counted; none is told to the sender."""

    WRONG_LENGTH = "wrong_length"
    BAD_POINT = "bad_point"
    BAD_MAC = "bad_mac"
    REPLAY = "replay"
    UNKNOWN_COMMAND = "unknown_command"
    UNEXPECTED_COMMAND = "unexpected_command"
    EXCESSIVE_DELAY = "excessive_delay"
    TAGGED_PAYLOAD = "tagged_payload"
    BAD_PAYLOAD = "bad_payload"
    UNKNOWN_NEXT_HOP = "unknown_next_hop"
    UNKNOWN_PREVIOUS_HOP = "unknown_previous_hop"
    UNKNOWN_REPLY = "unknown_reply"
    NO_EPOCH_KEY = "no_epoch_key"
    OVERLOADED = "overloaded"
    TOO_LATE = "too_late"
    QUEUE_FULL = "queue_full"
    NO_LINK = "no_link"
    RATE_LIMITED = "rate_limited"
    NOT_REGISTERED = "not_registered"
    MAILBOX_FULL = "mailbox_full"
    SERVICE_FAILED = "service_failed"
    STORE_FAILED = "store_failed"


class RefusalReason(enum.StrEnum):
    """Why a link was refused or closed. Each is counted; the peer sees a closed connection."""

    UNKNOWN_KEY = "unknown_key"
    WRONG_KEY = "wrong_key"
    NOT_TLS13 = "not_tls13"
    NOT_POST_QUANTUM = "not_post_quantum"
    TLS_FAILED = "tls_failed"
    OLD_PROTOCOL = "old_protocol"
    OTHER_NETWORK = "other_network"
    GARBAGE = "garbage"
    TIMEOUT = "timeout"
    TOO_MANY_LINKS = "too_many_links"
    REFUSED_BY_PEER = "refused_by_peer"
