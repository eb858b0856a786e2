from __future__ import annotations

import pytest

from stats.questionnaire.classifying import topic_of, words_of
from tests.worlds.stats.drafts import WISH


@pytest.mark.parametrize(
    ("text", "topic"),
    [
        ("the BUS is late", 0),
        ("Trainspotting", 0),
        ("a busy street", 2),
        ("rent, rents and buses by train", 1),
        ("bus and flat", 0),
        ("cold, water", 1),
        ("water cold", 2),
        ("", 2),
        ("\uff42\uff55\uff53", 0),
    ],
)
def test_a_text_has_the_topic_whose_words_occur_most(text: str, topic: int) -> None:
    assert topic_of(WISH, text) == topic


def test_only_so_much_of_a_text_is_looked_at() -> None:
    assert topic_of(WISH, "x " * 20_000 + "bus") == 2
    assert len(words_of("x " * 1_000_000)) == 10_000
