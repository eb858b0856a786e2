"""The two token services as a provider hosts them. Their work waits for the disk, so that they answer in threads."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from twisted.logger import Logger

from loopixmix.directory.words import MAX_TOKEN_KEYS
from loopixmix.errors import ConfigError, LoopixmixError, MisuseError
from loopixmix.seams import Rng
from loopixmix.store.commits import SharedCommits
from loopixmix.tokens import TokenKey
from loopixmix.tokens.exchange import ISSUER_SERVICE, REDEEMER_SERVICE
from loopixmix.tokens.keyfile import KeyFile, read_public_keys
from loopixmix.tokens.keys import check_purpose
from loopixmix.tokens.redeeming import Redeeming
from provider.api import Declaration, ServiceContext, ServiceRefusedError, Setting
from provider.hosting.loading.loader import SERVICES_DIRECTORY
from provider.tokens.codes import CodeList
from provider.tokens.gate import GUEST_PURPOSE
from provider.tokens.issuing import Issuing, erase_issued
from provider.tokens.keys import PUBLIC_FILE, IssuerKeys, is_near
from provider.tokens.store import SPENT, open_token_store
from provider.tokens.tidying import Tidying

log = Logger()

TIDY_S = 600.0
HOUR_S = 3600
DEFAULT_PURPOSES = (GUEST_PURPOSE,)
DEFAULT_PERIOD_HOURS = 168
MAX_PERIOD_HOURS = 8784


class IssuerService:
    """Signs tokens for holders of codes.

    Settings: `purposes`, what there are tokens for (at most four); `period_hours`, how long a token counts.
    """

    name = ISSUER_SERVICE
    # Repetitions are known by the messages themselves, so that a provider need not keep the answers.
    declaration = Declaration(threads=2, recognises_repetition=True)

    def __init__(self, context: ServiceContext) -> None:
        """Make the keys that are missing; raise `ConfigError` if a setting is wrong, `StoreError`."""
        self._clock = context.clock
        self._is_time_agreed = context.is_time_agreed
        self._keys = issuer_keys(context.directory, context.settings, context.rng)
        self._keys.refresh(context.clock.seconds(), erases=context.is_time_agreed())
        self._store = open_token_store(context.directory)
        self._commits = SharedCommits(self._store)
        self._issuing = Issuing(keys=self._keys, credentials=CodeList(), commits=self._commits)
        self._tidying = Tidying(self._tidy, clock=context.clock, every_s=TIDY_S)

    def answer(self, body: bytes) -> bytes:
        """Return signatures of the blinded messages in a request; see `provider.tokens.issuing.Issuing.issue`."""
        return self._issuing.issue(body, self._clock.seconds())

    def answer_again(self, repetition_key: bytes, body: bytes) -> bytes:  # noqa: ARG002 (the messages tell)
        """Return the answer to a request, the same each time."""
        return self.answer(body)

    async def close(self) -> None:
        """Close the store."""
        self._tidying.stop()
        self._store.close()

    def _tidy(self, now_s: float) -> None:
        is_agreed = self._is_time_agreed()
        self._keys.refresh(now_s, erases=is_agreed)
        if is_agreed:
            self._commits.write(lambda connection: erase_issued(connection, now_s))


class RedeemerService:
    """Takes tokens for one purpose, each once.

    Settings: `purpose`, which no other redeemer takes tokens for; `keys`, the file with the key set of the issuer, if
    that is not a service of this provider.
    """

    name = REDEEMER_SERVICE
    # The answer to a second request for the same token is a refusal, even if the first answer was lost: so it is kept.
    declaration = Declaration(threads=32)

    def __init__(self, context: ServiceContext) -> None:
        """Open the table of spent tokens; raise `ConfigError` if a setting is wrong, `StoreError`."""
        purpose = context.settings.get("purpose", "")
        file = context.settings.get("keys", "")
        _refuse_others(context.settings, {"purpose", "keys"})
        if not isinstance(purpose, str) or not isinstance(file, str):
            raise ConfigError("purpose and keys are texts")
        _check_purposes([purpose])
        # Tokens are taken once by each table. The accounts of guests have one of their own.
        if purpose == GUEST_PURPOSE:
            raise ConfigError(f"tokens for {GUEST_PURPOSE} open accounts; name another purpose")
        path = Path(file) if file else context.directory.parent / ISSUER_SERVICE / PUBLIC_FILE
        self._clock = context.clock
        self._is_time_agreed = context.is_time_agreed
        self._store = open_token_store(context.directory)
        self._commits = SharedCommits(self._store)
        self._redeeming = Redeeming(KeyFile(path, purpose), SPENT)
        self._tidying = Tidying(self._tidy, clock=context.clock, every_s=TIDY_S)

    def answer(self, body: bytes) -> bytes:
        """Spend the token `body`; raise `ServiceRefusedError` if it does not count."""
        checked = self._redeeming.check(body, self._clock.seconds())
        if not self._commits.write(lambda connection: self._redeeming.spend(connection, checked)):
            raise ServiceRefusedError("the token does not count")
        return b""

    async def close(self) -> None:
        """Close the store."""
        self._tidying.stop()
        self._store.close()

    def _tidy(self, now_s: float) -> None:
        # By a clock that was ahead for a while, a token that was spent would count again.
        if self._is_time_agreed():
            self._commits.write(lambda connection: self._redeeming.erase_old(connection, now_s))


class IssuerInDocument:
    """The public keys of this provider's issuer, for the network document."""

    def __init__(self, settings: Mapping[str, Setting], rng: Rng) -> None:
        """`settings`: the issuer's. `rng`: blinds signatures, where Python makes them."""
        self._settings = settings
        self._rng = rng
        self._last: tuple[TokenKey, ...] = ()

    def __call__(self, directory: Path, now_s: float) -> tuple[TokenKey, ...]:
        """Return the keys of the issuer at the provider in `directory`, made if none counts at `now_s`.

        The service makes them ahead. It does not run yet when a provider enrols for the first time.
        """
        own = directory / SERVICES_DIRECTORY / ISSUER_SERVICE
        try:
            keys = read_public_keys(own / PUBLIC_FILE)
            if not any(key.holds_at(now_s) for key in keys):
                # The service erases, once the network agrees about the time: a provider enrols before it does.
                keys = issuer_keys(own, self._settings, self._rng).refresh(now_s, erases=False)
        except LoopixmixError as error:
            # The provider goes on: mail does not depend on tokens.
            log.error("the keys of the token issuer cannot be told: {error}", error=str(error))
        else:
            self._last = keys
        return tuple(key for key in self._last if is_near(key, now_s))


def issuer_keys(directory: Path, settings: Mapping[str, Setting], rng: Rng) -> IssuerKeys:
    """Return the keys of the issuer in its `directory`; raise `ConfigError` if a setting is wrong."""
    _refuse_others(settings, {"purposes", "period_hours"})
    purposes = settings.get("purposes", list(DEFAULT_PURPOSES))
    hours = settings.get("period_hours", DEFAULT_PERIOD_HOURS)
    if not isinstance(purposes, list) or not 1 <= len(purposes) <= MAX_TOKEN_KEYS // 2:
        raise ConfigError(f"purposes are 1 to {MAX_TOKEN_KEYS // 2} names, not {purposes!r}")
    if len(set(purposes)) != len(purposes):
        raise ConfigError("a purpose comes twice")
    if type(hours) is not int or not 1 <= hours <= MAX_PERIOD_HOURS:
        raise ConfigError(f"period_hours is a whole number from 1 to {MAX_PERIOD_HOURS}, not {hours!r}")
    _check_purposes(purposes)
    return IssuerKeys(directory, purposes=purposes, period_s=hours * HOUR_S, rng=rng)


def _check_purposes(purposes: list[str]) -> None:
    try:
        for purpose in purposes:
            check_purpose(purpose)
    except MisuseError as error:
        raise ConfigError(str(error)) from error


def _refuse_others(settings: Mapping[str, Setting], known: set[str]) -> None:
    for name in sorted(set(settings) - known):
        raise ConfigError(f'there is no setting "{name}"; there are {", ".join(sorted(known))}')
