"""What an author is shown of a mail before it leaves, made from the very bytes that leave."""

from __future__ import annotations

import hashlib

from leap_plugin.mail.canonical import CanonicalMail
from leap_plugin.mail.parsing import MailPart, parse_mail

_ENCRYPTED_WARNING = "The encrypted part may name the keys that can open it, also your own."


def preview(mail: CanonicalMail) -> str:
    """Return the header lines as they leave, then the text and the attachments, and last what does not leave.

    Text of others is in it: characters that could steer a terminal are written as numbers, such as `\\x1b`.
    """
    head = mail.message.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    parts = [part for part in parse_mail(mail.message).walk() if not part.parts]
    size = f"{len(mail.message):,} bytes, SHA-256 {hashlib.sha256(mail.message).hexdigest()}"
    lines = [f"What leaves, {size}:", "", *(_shown(line) for line in head), ""]
    for part in parts:
        lines += [*_described(part), ""]
    if mail.left_out:
        lines += ["What does not leave:", *(f"- {_shown(one)}" for one in mail.left_out), ""]
    return "\n".join(lines)


def _described(part: MailPart) -> list[str]:
    disposition = part.structured("Content-Disposition")
    if disposition is None and part.content_type == "text/plain":
        return [_shown(line) for line in part.text().rstrip("\n").split("\n")]
    content = part.content()
    if disposition is None:
        warning = [_ENCRYPTED_WARNING] if part.content_type == "application/octet-stream" else []
        return [f"[{part.content_type}]", *(_shown(line) for line in content.decode("ascii").splitlines()), *warning]
    name = _shown(str(disposition.params.get("filename", "")))
    digest = hashlib.sha256(content).hexdigest()
    return [f"[attachment {name}, {part.content_type}, {len(content):,} bytes, SHA-256 {digest}]"]


def _shown(text: str) -> str:
    # Right-to-left marks and the like would let a line look like another one.
    return "".join(char if char.isprintable() or char == "\t" else ascii(char)[1:-1] for char in text)
