"""A free text becomes one of the topics of its question, on the client: the text itself never leaves it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from stats.questionnaire.questions import TopicQuestion

MOST_LETTERS = 20_000
"""Of a text that are looked at."""
_WORD = re.compile(r"\w+")


def words_of(text: str) -> list[str]:
    """Return the words of a text as they are compared: without case, accents' forms, and signs between them."""
    folded = unicodedata.normalize("NFKC", text[:MOST_LETTERS]).casefold()
    return _WORD.findall(folded)


def topic_of(question: TopicQuestion, text: str) -> int:
    """Return the number of the topic whose words occur most often in `text`; without any it is the last value, "other".

    A word of a topic may be several words, which then have to follow each other. If it ends with `*`, it also finds
    longer words that begin with it. Among topics with equally many, the first one is taken.
    """
    found = words_of(text)
    counts = [sum(_occurrences(word, found) for word in topic.words) for topic in question.topics]
    most = max(counts)
    return counts.index(most) if most else len(question.topics)


def _occurrences(word: str, found: Sequence[str]) -> int:
    sought = words_of(word)
    if not sought:
        return 0
    begins = word.rstrip().endswith("*")
    places = range(len(found) - len(sought) + 1)
    return sum(_matches(sought, found[place : place + len(sought)], begins) for place in places)


def _matches(sought: Sequence[str], found: Sequence[str], begins: bool) -> bool:
    *firsts, last = found
    return firsts == list(sought[:-1]) and (last.startswith(sought[-1]) if begins else last == sought[-1])
