"""The surveys of an issuer on disk: the draft of each, its keys, and the secret of its codes.

    surveys/<16 digits of the draft's id>/draft.json
                                          public.json   the keys, as `stats freeze` reads them
                                          secret        codes of addresses follow from it
                                          SHEET-PERIOD.pkcs8

A private key is erased when its period ends, the secret when the survey closes.
"""

from __future__ import annotations

import dataclasses
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loopixmix.errors import ConfigError, FormatError, MisuseError, StoreError
from loopixmix.process.files import (
    create_file,
    create_secret,
    erase_file,
    file_error,
    load_secret,
    make_directory,
    write_atomically,
)
from loopixmix.seams import Rng
from loopixmix.tokens import TokenKey, decode_token_key, encode_token_key
from loopixmix.tokens.keyfile import read_signer
from loopixmix.tokens.signing import Signer, generate_key
from stats.issue.codes import SECRET_BYTES
from stats.issue.issuing import HeldKey
from stats.issue.slots import KeySlot, slots_of
from stats.questionnaire.questionnaire import SurveyDraft, SurveyKey, encode_canonical

SURVEYS = "surveys"
DRAFT_FILE, PUBLIC_FILE, SECRET_FILE = "draft.json", "public.json", "secret"
MOST_SURVEYS = 256
_DIGITS = 16


@dataclass(frozen=True)
class SurveyPlace:
    """A survey of this issuer, and where its files are."""

    draft: SurveyDraft
    draft_id: bytes
    path: Path

    @property
    def secret(self) -> bytes | None:
        """What the codes of addresses follow from; None once the survey has closed."""
        path = self.path / SECRET_FILE
        return load_secret(path, SECRET_BYTES, called="the secret of a survey") if path.exists() else None


@dataclass(frozen=True)
class SurveySigner:
    """A key of a survey, and what signs with it."""

    draft_id: bytes
    key: TokenKey
    signer: Signer | None
    """None once the period has ended."""
    private: Path


class IssuedSurveys:
    """All surveys of an issuer. Any thread may use it."""

    def __init__(self, directory: Path, *, rng: Rng) -> None:
        """`directory`: the issuer's own. `rng`: blinds signatures, where Python makes them."""
        self._folder = directory / SURVEYS
        self._rng = rng
        self._lock = threading.Lock()
        self._places: list[SurveyPlace] = []
        self._signers: dict[bytes, SurveySigner] = {}
        self._ended: set[bytes] = set()

    def places(self) -> list[SurveyPlace]:
        """Return the surveys as `refresh` found them last."""
        with self._lock:
            return list(self._places)

    def find(self, key_id: bytes, now_s: float) -> HeldKey | None:
        """Return the key of this id, if its period has not ended."""
        with self._lock:
            found = self._signers.get(key_id)
        if found is None or found.signer is None or found.key.ends_s <= now_s:
            return None
        return HeldKey(found.draft_id, found.key, found.signer)

    def keys_of(self, place: SurveyPlace) -> list[TokenKey]:
        """Return the public keys of a survey, by period and sheet."""
        with self._lock:
            return [held.key for held in self._signers.values() if held.draft_id == place.draft_id]

    def refresh(self, now_s: float, *, ended: Callable[[bytes], object], closed: Callable[[bytes], object]) -> None:
        """Erase the keys of periods that have ended, and take up surveys that were added; raise `StoreError`.

        `ended`: is given the id of each erased key. `closed`: the id of the draft of each survey whose secret was
        erased. Both may be given the same again after a restart. Raises `ConfigError` if files are damaged.
        """
        for place in self.places():
            self._erase_ended(place, now_s, ended, closed)
        with self._lock:
            new = {path.parent for path in self._folder.glob(f"*/{PUBLIC_FILE}")} - {p.path for p in self._places}
        for path in sorted(new):
            place = self._take_up(path)
            self._erase_ended(place, now_s, ended, closed)

    def _take_up(self, path: Path) -> SurveyPlace:
        draft = read_draft(path / DRAFT_FILE)
        draft_id = draft.draft_id
        signers = {}
        for public in read_public(path / PUBLIC_FILE):
            key = decode_token_key(public.key)
            private = path / _name_of(public.sheet, public.period)
            signer = _load(private, self._rng) if private.exists() else None
            if signer is not None and signer.public != key.public:
                raise ConfigError(f"{private}: is not the key that {PUBLIC_FILE} has for it")
            signers[key.key_id] = SurveySigner(draft_id, key, signer, private)
        with self._lock:
            place = SurveyPlace(draft, draft_id, path)
            self._signers |= signers
            self._places.append(place)
        return place

    def _erase_ended(
        self, place: SurveyPlace, now_s: float, ended: Callable[[bytes], object], closed: Callable[[bytes], object]
    ) -> None:
        with self._lock:
            over = [
                held
                for held in self._signers.values()
                if held.draft_id == place.draft_id and held.key.ends_s <= now_s and held.key.key_id not in self._ended
            ]
        for held in over:
            with self._lock:
                self._signers[held.key.key_id] = dataclasses.replace(held, signer=None)
            # The key goes first: one that was left without its rows would sign for everybody anew, if the clock were
            # set back. Rows without a key sign nothing, and are erased after the next start.
            _erase(held.private)
            ended(held.key.key_id)
            self._ended.add(held.key.key_id)
        if place.draft.closes_s <= now_s and place.draft_id not in self._ended:
            _erase(place.path / SECRET_FILE)
            closed(place.draft_id)
            self._ended.add(place.draft_id)


def add_survey(
    directory: Path,
    draft: SurveyDraft,
    *,
    now_s: float,
    rng: Rng,
    told: Callable[[int], object],
    make_key: Callable[[], bytes] = generate_key,
) -> list[SurveyKey]:
    """Make the keys of a survey, and return their public halves; raise `MisuseError`, or `StoreError`.

    A survey that is there already keeps its keys. What was begun and broken off is gone on with. Each key takes some
    50 ms, sometimes several times as long. `told`: is told how many keys are made. `make_key`: makes a private one.
    """
    slots = slots_of(draft)
    if draft.closes_s <= now_s:
        raise MisuseError("this survey has closed")
    folder = directory / SURVEYS
    path = folder / draft.draft_id.hex()[:_DIGITS]
    if (path / PUBLIC_FILE).exists():
        return read_public(path / PUBLIC_FILE)
    make_directory(folder)
    if sum(1 for _ in folder.glob(f"*/{PUBLIC_FILE}")) >= MOST_SURVEYS:
        raise MisuseError(f"an issuer has at most {MOST_SURVEYS} surveys: move the folders of old ones away")
    make_directory(path)
    keys = []
    for number, slot in enumerate(slots, 1):
        private = path / _name_of(slot.sheet, slot.period)
        if not private.exists():
            write_atomically(private, make_key())
        key = _key_of(slot, _load(private, rng))
        keys.append(SurveyKey(sheet=slot.sheet, period=slot.period, key=encode_token_key(key)))
        told(number)
    if not (path / SECRET_FILE).exists():
        create_secret(path / SECRET_FILE, rng.randbytes(SECRET_BYTES))
    write_atomically(path / DRAFT_FILE, encode_canonical(draft))
    # Last: it is what says that the survey is whole.
    create_file(path / PUBLIC_FILE, msgspec.json.encode(keys))
    return keys


def find_survey(directory: Path, draft: SurveyDraft) -> SurveyPlace:
    """Return the survey of a draft; raise `MisuseError` if this issuer has not this one."""
    draft_id = draft.draft_id
    path = directory / SURVEYS / draft_id.hex()[:_DIGITS]
    if not (path / PUBLIC_FILE).exists():
        raise MisuseError("this issuer has no keys for this draft: add it first. A changed draft is another survey")
    return SurveyPlace(draft, draft_id, path)


def read_draft(path: Path) -> SurveyDraft:
    """Return the draft in a file; raise `ConfigError` if it is none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=SurveyDraft)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: this is no draft of a survey: {error}") from error


def read_public(path: Path) -> list[SurveyKey]:
    """Return the public keys in a file; raise `ConfigError` if it has none."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=list[SurveyKey])
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{path}: these are no keys of a survey: {error}") from error


def _key_of(slot: KeySlot, signer: Signer) -> TokenKey:
    return TokenKey(purpose=slot.purpose, begins_s=slot.begins_s, ends_s=slot.ends_s, public=signer.public)


def _name_of(sheet: int, period: int) -> str:
    return f"{sheet}-{period}.pkcs8"


def _erase(path: Path) -> None:
    try:
        erase_file(path)
    except OSError as error:
        raise file_error(error, f"{path}: cannot be erased") from error


def _load(path: Path, rng: Rng) -> Signer:
    try:
        return read_signer(path, rng=rng)
    except OSError as error:
        raise StoreError(f"{path}: cannot be read: {error.strerror}") from error
    except FormatError as error:
        raise StoreError(f"{path}: this is no key of an issuer: {error}") from error
