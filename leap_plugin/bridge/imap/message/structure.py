"""ENVELOPE, BODY and BODYSTRUCTURE of a message (RFC 3501 section 7.4.2)."""

from __future__ import annotations

from collections.abc import Mapping

from leap_plugin.bridge.imap.grammar.responses import NIL, encode_list, encode_nstring, encode_string
from leap_plugin.bridge.imap.message.addresses import encode_addresses
from leap_plugin.bridge.imap.message.mime import MessagePart, parse_value


def encode_envelope(message: MessagePart) -> bytes:
    """Return the envelope; Sender and Reply-To are From where the message has none."""
    sender = message.field("from")
    return encode_list(
        (
            encode_nstring(message.field("date")),
            encode_nstring(message.field("subject")),
            encode_addresses(sender),
            encode_addresses(message.field("sender") or sender),
            encode_addresses(message.field("reply-to") or sender),
            encode_addresses(message.field("to")),
            encode_addresses(message.field("cc")),
            encode_addresses(message.field("bcc")),
            encode_nstring(message.field("in-reply-to")),
            encode_nstring(message.field("message-id")),
        )
    )


def encode_structure(part: MessagePart, *, extended: bool) -> bytes:
    """Return the structure of a message or part; `extended` as BODYSTRUCTURE has it, and BODY has not."""
    main, sub = part.kind
    if part.children:
        parts = b"".join(encode_structure(child, extended=extended) for child in part.children)
        more = [_parameters(part.parameters), *_extension(part)] if extended else []
        return b"(" + b" ".join((parts, encode_string(sub.upper().encode()), *more)) + b")"
    encoding = parse_value(part.field("content-transfer-encoding"))
    words = [
        encode_string(main.upper().encode()),
        encode_string(sub.upper().encode()),
        _parameters(part.parameters),
        encode_nstring(part.field("content-id")),
        encode_nstring(part.field("content-description")),
        encode_string(encoding[0].upper() if encoding else b"7BIT"),
        b"%d" % len(part.body),
    ]
    if part.embedded:
        words += [encode_envelope(part.embedded), encode_structure(part.embedded, extended=extended)]
    if main == "text" or part.embedded:
        words.append(b"%d" % part.body.count(b"\n"))
    if extended:
        words += [encode_nstring(part.field("content-md5")), *_extension(part)]
    return encode_list(words)


def _parameters(parameters: Mapping[str, bytes]) -> bytes:
    if not parameters:
        return NIL
    return encode_list(
        encode_string(word) for name, value in parameters.items() for word in (name.upper().encode(), value)
    )


def _extension(part: MessagePart) -> tuple[bytes, bytes, bytes]:
    disposition = parse_value(part.field("content-disposition"))
    language = part.field("content-language")
    languages = [tag.strip() for tag in (language or b"").split(b",") if tag.strip()]
    return (
        encode_list((encode_string(disposition[0].upper()), _parameters(disposition[1]))) if disposition else NIL,
        encode_list(encode_string(tag) for tag in languages) if languages else NIL,
        encode_nstring(part.field("content-location")),
    )
