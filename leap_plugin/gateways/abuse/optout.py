"""The link by which a recipient stops all mail of this gateway, without a list of recipients anywhere.

A mark is an HMAC of the address by the gateway's key. The link has the mark and a proof that the gateway made it, so
that nobody fills the store with marks of their own. The store has the marks of those who opted out: without the key
they tell no address, and with it only whether an address that one already has is among them.

It is a page and no `mailto:`. An exit without an entrance has it too, mail programs offer it as a button (RFC 8058),
and whoever uses it need not write a mail from the very address, in clear, to be left alone.
"""

from __future__ import annotations

import hmac
from base64 import urlsafe_b64decode, urlsafe_b64encode

from sqlalchemy import Connection, delete, func, insert, select

from leap_plugin.gateways.store.schema import opted_out
from loopixmix.errors import ConfigError

KEY_BYTES = 32
MARK_BYTES = 16
_PROOF_BYTES = 16
TEXT_LENGTH = 43
_MARK_CONTEXT = b"LoopixMix opt-out mark 1\0"
_PROOF_CONTEXT = b"LoopixMix opt-out link 1\0"


def plain_address(address: str) -> str:
    """Return an address as it counts for refusals and limits: in lower case, without `+anything` before the @.

    `bob+a@example.org` and `bob+b@example.org` are one person's at most servers, and would otherwise be a way round.
    """
    local, _, domain = address.lower().rpartition("@")
    return f"{local.partition('+')[0] or local}@{domain}"


class OptOutMarks:
    """Makes marks and links, and reads links."""

    def __init__(self, key: bytes, url: str) -> None:
        """`key`: of `KEY_BYTES`, that of the gateway; with a new one all opt-outs are lost. `url`: of the page."""
        if len(key) != KEY_BYTES:
            raise ConfigError(f"the key of the opt-outs has {KEY_BYTES} bytes, not {len(key)}")
        self._key = key
        self._url = url.rstrip("/")

    def mark(self, address: str) -> bytes:
        """Return the mark of an address."""
        return hmac.digest(self._key, _MARK_CONTEXT + plain_address(address).encode(), "sha256")[:MARK_BYTES]

    def link(self, address: str) -> str:
        """Return the link for the mail to an address."""
        mark = self.mark(address)
        return f"{self._url}/{urlsafe_b64encode(mark + self._proof(mark)).decode().rstrip('=')}"

    def read(self, text: str) -> bytes | None:
        """Return the mark in the last part of a link; None if this gateway did not make it."""
        if len(text) != TEXT_LENGTH or not text.isascii():
            return None
        try:
            raw = urlsafe_b64decode(f"{text}=")
        except ValueError:
            return None
        mark, proof = raw[:MARK_BYTES], raw[MARK_BYTES:]
        return mark if hmac.compare_digest(proof, self._proof(mark)) else None

    def _proof(self, mark: bytes) -> bytes:
        return hmac.digest(self._key, _PROOF_CONTEXT + mark, "sha256")[:_PROOF_BYTES]


def opt_out(connection: Connection, mark: bytes, now_s: float) -> None:
    """Take no more mail to this mark; a second time changes nothing."""
    if not has_opted_out(connection, mark):
        connection.execute(insert(opted_out), {"mark": mark, "at_s": now_s})


def opt_in(connection: Connection, mark: bytes) -> bool:
    """Take mail to this mark again; false if it had not opted out."""
    return bool(connection.execute(delete(opted_out).where(opted_out.c.mark == mark)).rowcount)


def has_opted_out(connection: Connection, mark: bytes) -> bool:
    """Tell whether mail to this mark is refused."""
    return connection.execute(select(opted_out.c.at_s).where(opted_out.c.mark == mark)).first() is not None


def opt_out_count(connection: Connection) -> int:
    """Return how many have opted out."""
    return int(connection.execute(select(func.count()).select_from(opted_out)).scalar_one())
