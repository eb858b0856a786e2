"""What an exit makes of an anonymous mail, for an author who wants to see it before: all but what only the exit draws.

The words `?` stand for the way back and the recipient's mark, which an exit makes by chance and by a key of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

from leap_plugin.gateways.abuse.optout import TEXT_LENGTH
from leap_plugin.gateways.exit.checking import check_canonical
from leap_plugin.gateways.exit.composing import ANONYMOUS_NAME
from leap_plugin.gateways.exit.departing import Departure, depart, footer_of
from leap_plugin.gateways.store.ways import PREFIX, WORD_LENGTH
from leap_plugin.mail.canonical import CanonicalMail

UNKNOWN = "?"


@dataclass(frozen=True)
class ExitTerms:
    """What is to be known of an exit. `opt_out_url`: of its page; `footer`: whether the link stands under texts too."""

    domain: str
    opt_out_url: str
    footer: bool = True


def preview_departure(mail: CanonicalMail, terms: ExitTerms, *, now_s: float, rng: Random) -> CanonicalMail:
    """Return the mail as the exit hands it on; `now_s` and `rng` as for `leap_plugin.mail.canonical.canonicalise`.

    Raises `NotCanonicalError`.
    """
    link = f"{terms.opt_out_url.rstrip('/')}/{UNKNOWN * TEXT_LENGTH}"
    departure = Departure(
        f"{ANONYMOUS_NAME}@{terms.domain}",
        f"{PREFIX}{UNKNOWN * WORD_LENGTH}@{terms.domain}",
        link,
        footer_of(terms.domain, link, is_named=False) if terms.footer else "",
    )
    return replace(mail, message=depart(check_canonical(mail.message), departure, now_s=now_s, rng=rng))
