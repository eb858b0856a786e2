"""Files that commands read and write."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from loopixmix.errors import ConfigError, FormatError

if TYPE_CHECKING:
    from stats.questionnaire.questionnaire import Questionnaire, SurveyDraft

READ = click.Path(path_type=Path, dir_okay=False, exists=True)
NEW = click.Path(path_type=Path, dir_okay=False)
MOST_BYTES = 64 * 1024 * 1024


def read(path: Path) -> bytes:
    """Return the contents of a file; raise `ConfigError` if it cannot be read, or is too large."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ConfigError(f"{path}: it has over {MOST_BYTES} bytes")
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error


def create(path: Path, data: bytes, *, mode: int) -> None:
    """Write a new file; raise `ConfigError` if there is one of this name."""
    from loopixmix.process.files import create_file

    if path.exists():
        raise ConfigError(f"{path}: exists already and is never overwritten")
    create_file(path, data, mode=mode)


def read_draft(path: Path) -> SurveyDraft:
    """Return the draft in a file; raise `ConfigError` with its name."""
    from stats.questionnaire.freezing import decode_draft

    try:
        return decode_draft(read(path))
    except FormatError as error:
        raise ConfigError(f"{path}: {error}") from error


def read_questionnaire(path: Path) -> Questionnaire:
    """Return the sound questionnaire in a file; raise `ConfigError` with its name."""
    from stats.questionnaire.checking import faults
    from stats.questionnaire.questionnaire import decode_questionnaire

    try:
        questionnaire = decode_questionnaire(read(path))
    except FormatError as error:
        raise ConfigError(f"{path}: {error} (`loopixmix stats freeze` makes a questionnaire of a draft)") from error
    for fault in faults(questionnaire):
        raise ConfigError(f"{path}: {fault}")
    return questionnaire
