"""The text that `BODY[...]<...>` names (RFC 3501 section 6.4.5)."""

from __future__ import annotations

from collections.abc import Callable

from leap_plugin.bridge.imap.grammar.fetching import BodySection, Kind
from leap_plugin.bridge.imap.grammar.responses import encode_astring, encode_list
from leap_plugin.bridge.imap.message.mime import MessagePart


def section_text(message: MessagePart, section: BodySection) -> bytes | None:
    """Return the bytes of a section, cut as it asks; None if the message has no such part."""
    text = _whole_text(message, section)
    if text is None or section.partial is None:
        return text
    first, length = section.partial
    return text[first : first + length]


def section_name(section: BodySection) -> bytes:
    """Return what a response calls the section; of a partial one only the first byte is named."""
    if section.called is not None:
        return section.called
    words = [str(number).encode() for number in section.part]
    if section.kind is not Kind.WHOLE:
        words.append(section.kind.value.encode())
    fields = b" " + encode_list(encode_astring(field) for field in section.fields) if section.fields else b""
    first = b"<%d>" % section.partial[0] if section.partial else b""
    return b"BODY[" + b".".join(words) + fields + b"]" + first


def _whole_text(message: MessagePart, section: BodySection) -> bytes | None:
    if not section.part:
        return message.whole if section.kind is Kind.WHOLE else _of_message(message, section)
    part = _find(message, section.part)
    if part is None:
        return None
    if section.kind is Kind.WHOLE:
        return part.body
    if section.kind is Kind.MIME:
        return part.header
    return _of_message(part.embedded, section) if part.embedded else None


def _of_message(message: MessagePart, section: BodySection) -> bytes:
    if section.kind is Kind.TEXT:
        return message.body
    if section.kind is Kind.HEADER:
        return message.header
    names = {name.lower() for name in section.fields}
    chosen: Callable[[bytes], bool] = (
        (lambda name: name in names) if section.kind is Kind.FIELDS else (lambda name: name not in names)
    )
    # The blank line is part of the answer, whatever fields there are.
    return b"".join(found[0] for found in message.fields if chosen(found[1].lower())) + b"\r\n"


def _find(message: MessagePart, numbers: tuple[int, ...]) -> MessagePart | None:
    part, is_message = message, True
    for number in numbers:
        if not is_message and part.embedded is not None:
            part, is_message = part.embedded, True
        if part.children:
            if number > len(part.children):
                return None
            part, is_message = part.children[number - 1], False
        elif is_message and number == 1:
            # The body of a message with one part is its part 1.
            is_message = False
        else:
            return None
    return part
