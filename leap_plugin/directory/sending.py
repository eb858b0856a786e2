"""What the owner of a mail account may choose about its sending."""

from __future__ import annotations

from typing import Annotated

import msgspec

from loopixmix.errors import ConfigError

DAY_S = 86_400.0

_Seconds = Annotated[float, msgspec.Meta(gt=0)]


class SendingSettings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How mails are sent.

    `queue_when_offline`: whether a mail to somebody who is not known yet is taken while the network cannot be reached;
    he is then looked up later. `exit_gateway`: the address of the gateway that hands mails to the outside, and
    `exit_purpose`: that of the tokens which it asks for; both empty: no mail leaves the network. A mail is tried for
    `give_up_s`. Its author is told of a delay after `delayed_after_s`, or after twice the time that was expected if
    that is longer. `standing_after_s`: a mail that takes longer shows in the message about the states of mails.
    `keep_ended_s`: for how long is remembered what became of a mail.
    """

    queue_when_offline: bool = True
    exit_gateway: str = ""
    exit_purpose: str = ""
    give_up_s: _Seconds = 5 * DAY_S
    delayed_after_s: _Seconds = 4 * 3600.0
    standing_after_s: _Seconds = 300.0
    keep_ended_s: _Seconds = 7 * DAY_S

    def __post_init__(self) -> None:
        if bool(self.exit_gateway) != bool(self.exit_purpose):
            raise ConfigError("exit_gateway and exit_purpose: give both, or neither; a gateway's purpose is mail-exit")
