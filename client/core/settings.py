"""The settings of a client that its user may change."""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

DAY_S = 86_400.0

Seconds = Annotated[float, msgspec.Meta(gt=0)]


class TokenWaits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The means of the random times that keep apart when a token is fetched and when it is spent; exponential.

    An order waits for `fetch_mean_s` until its issuer is asked, and as long before each further attempt. A token rests
    for `rest_mean_s` before it may be spent. Shorter ones are for test networks: docs/attacks.md, "Blind tokens".
    """

    fetch_mean_s: Seconds = 900.0
    rest_mean_s: Seconds = 1800.0


class ClientSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a client behaves, as far as the network document leaves the choice.

    A message that is not acknowledged is sent again after `longest_retry_s` at the latest, and given up after
    `give_up_s`. An anonymous message carries `reply_blocks` blocks to answer by. With `receipts`, contacts are told
    that their messages came, a random time later (exponential, `receipt_delay_mean_s`): a receipt tells that we are
    online. A request to register, to be sent or to be looked up waits `patience_s` for the network. `tokens`: when
    tokens are fetched and may be spent. Sent messages are forgotten `keep_finished_s` after their end, and earlier if
    more than `keep_finished_messages` have ended. Received messages are deleted after `keep_received_s`; beyond
    `keep_received_bytes` the oldest that a reader has handled go before that, and if those that nobody has handled
    take so much, further mail waits at the provider. A `gateway` uses the rates that its
    provider lists for it in the network document: everybody sees who it is. `floors`: what to do
    with a network that does not reach them (`client.link.floors`).
    """

    receipts: bool = False
    receipt_delay_mean_s: Seconds = 60.0
    reply_blocks: Annotated[int, msgspec.Meta(ge=1, le=64)] = 8
    give_up_s: Seconds = 5 * DAY_S
    longest_retry_s: Seconds = 3600.0
    max_queued_messages: Annotated[int, msgspec.Meta(ge=1)] = 50_000
    max_queued_fragments: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    keep_finished_s: Seconds = 90 * DAY_S
    keep_finished_messages: Annotated[int, msgspec.Meta(ge=1)] = 100_000
    keep_received_s: Seconds = 90 * DAY_S
    keep_received_bytes: Annotated[int, msgspec.Meta(ge=1024 * 1024)] = 256 * 1024 * 1024
    patience_s: Seconds = 60.0
    tokens: TokenWaits = TokenWaits()
    gateway: bool = False
    floors: Literal["refuse", "warn"] = "refuse"
