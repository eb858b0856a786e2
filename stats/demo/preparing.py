"""Before anybody answers: draft, keys, questionnaire, codes, collector, by the commands that everybody has."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path

import msgspec

from loopixmix.process.files import make_directory
from loopixmix.testnet.making import run_command
from stats.answer.invitation import SurveyInvitation
from stats.demo.network import SurveyFolders
from stats.questionnaire.questionnaire import Questionnaire, SurveyDraft, decode_questionnaire

DRAFT, KEYS, QUESTIONNAIRE, CODES = "draft.json", "keys.json", "questionnaire.json", "codes.csv"


@dataclass(frozen=True)
class FrozenSurvey:
    """A survey that is ready: its questionnaire, and an invitation for each person."""

    questionnaire: Questionnaire
    invitations: list[SurveyInvitation]


def prepare_survey(draft: SurveyDraft, folders: SurveyFolders, people: int) -> FrozenSurvey:
    """Make all that a survey needs; issuer and collector run. Raises the error of the command that fails."""
    author = folders.author
    make_directory(author)
    (author / DRAFT).write_bytes(msgspec.json.format(msgspec.json.encode(draft), indent=2))
    _stats("issuer", "add", folders.issuer, author / DRAFT, author / KEYS)
    _stats("freeze", author / DRAFT, "--keys", author / KEYS, "--out", author / QUESTIONNAIRE)
    _stats("issuer", "codes", folders.issuer, author / DRAFT, people, author / CODES)
    _stats("collector", "add", folders.collector, author / QUESTIONNAIRE)
    questionnaire = decode_questionnaire((author / QUESTIONNAIRE).read_bytes())
    return FrozenSurvey(questionnaire, _invitations(questionnaire, author / CODES))


def _stats(*words: object) -> None:
    run_command("stats", [str(word) for word in words])


def _invitations(questionnaire: Questionnaire, codes: Path) -> list[SurveyInvitation]:
    with codes.open(newline="", encoding="utf-8") as file:
        made = [row["code"] for row in csv.DictReader(file)]
    draft = questionnaire.draft
    return [SurveyInvitation(draft.collector, questionnaire.survey_id, draft.persons.issuer, code) for code in made]
