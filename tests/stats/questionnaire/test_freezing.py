from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from loopixmix.errors import FormatError, MisuseError
from stats.questionnaire.drafts import draft_faults
from stats.questionnaire.freezing import decode_draft, decode_survey_keys, freeze
from stats.questionnaire.questionnaire import encode_canonical
from tests.worlds.stats.drafts import AGE, EVERY_KIND, MOOD, keys_for, new_draft

WRITTEN = json.loads(encode_canonical(new_draft(*EVERY_KIND)))


def test_a_draft_is_read_in_any_form() -> None:
    assert decode_draft(json.dumps(WRITTEN, indent=2).encode()) == new_draft(*EVERY_KIND)


@pytest.mark.parametrize(
    ("data", "complaint"),
    [
        (b"{", "not a draft"),
        (b"[]", "not a draft"),
        (b"{}", "missing required field"),
        (b" " * 200_001, "at most 200000 bytes"),
        (json.dumps(WRITTEN | {"colour": "red"}).encode(), "unknown field `colour`"),
        (json.dumps(WRITTEN | {"format": 2}).encode(), r"\$.format"),
        (json.dumps(WRITTEN | {"opens": "2026-12-01T08:00:00"}).encode(), r"\$.opens"),
        (json.dumps(WRITTEN | {"questions": []}).encode(), r"\$.questions"),
        (json.dumps(WRITTEN | {"questions": [{"kind": "oracle"}]}).encode(), r"\$.questions\[0\].kind"),
    ],
)
def test_what_is_no_draft_is_refused_with_its_place(data: bytes, complaint: str) -> None:
    with pytest.raises(FormatError, match=complaint):
        decode_draft(data)


@settings(max_examples=50, deadline=None)
@given(
    field=st.sampled_from(sorted(WRITTEN)),
    value=st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
        max_leaves=8,
    ),
)
def test_whatever_stands_in_a_field_is_refused_or_judged(field: str, value: object) -> None:
    try:
        draft = decode_draft(json.dumps(WRITTEN | {field: value}).encode())
    except FormatError:
        return
    assert isinstance(draft_faults(draft), list)


def test_the_keys_of_an_issuer_are_read_and_put_in_order() -> None:
    draft = new_draft(MOOD, AGE)
    keys = keys_for(draft)
    assert decode_survey_keys(msgspec.json.encode(keys)) == keys
    assert freeze(draft, keys[::-1]).keys == keys
    for data in (b"{}", b"[1]", b'[{"sheet": 0, "period": 0}]'):
        with pytest.raises(FormatError, match="no list of token keys"):
            decode_survey_keys(data)


def test_an_unsound_draft_is_not_frozen() -> None:
    with pytest.raises(MisuseError, match="another question has this name"):
        freeze(new_draft(MOOD, MOOD), ())


def test_another_draft_has_another_id_and_another_survey() -> None:
    first, second = new_draft(), new_draft(version=2)
    assert first.draft_id != second.draft_id
    assert freeze(first, keys_for(first)).survey_id != freeze(second, keys_for(second)).survey_id
