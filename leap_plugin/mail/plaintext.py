"""Plain text in one form, whichever program wrote it."""

from __future__ import annotations

import codecs
import unicodedata

SIGNATURE_MARK = "-- "
_NO_CHARSETS = frozenset({"idna", "punycode"})


def codec_of(charset: str) -> str:
    """Return the library's name of a charset that a mail names; raises `LookupError` for an unknown one.

    Those of host names count as unknown: to read 100 kB in one of them takes the library minutes.
    """
    name = codecs.lookup(charset).name
    if name in _NO_CHARSETS:
        raise LookupError(f"{name} is no charset of texts")
    return name


def unflow(text: str, *, delete_space: bool = False) -> str:
    """Return a text in `format=flowed` (RFC 3676) with its soft line breaks undone; line ends are LF.

    `delete_space`: the parameter `DelSp`, for languages without spaces between words.
    """
    # Put together at the end: a paragraph may have a million lines.
    lines: list[tuple[int, list[str]]] = []
    continues = False
    for line in text.split("\n"):
        content = line.lstrip(">")
        depth = len(line) - len(content)
        content = content.removeprefix(" ")
        is_signature = content == SIGNATURE_MARK
        # A line that continues one of another depth of quoting is a mistake of its writer (4.5): it begins anew.
        if continues and lines[-1][0] == depth and not is_signature:
            lines[-1][1].append(content)
        else:
            lines.append((depth, [content]))
        continues = content.endswith(" ") and not is_signature
        if continues and delete_space:
            lines[-1][1][-1] = lines[-1][1][-1][:-1]
    joined = ((depth, "".join(contents)) for depth, contents in lines)
    return "\n".join(f"{'>' * depth} {content}" if depth else content for depth, content in joined)


def normalised(text: str) -> str:
    """Return a text without what tells programs apart and nobody sees; it ends in one LF, if it is not empty.

    Characters are composed (NFC). A byte order mark, blanks at the ends of lines and empty lines at the end are left
    out; the mark of a signature keeps its blank.
    """
    lines = unicodedata.normalize("NFC", text.removeprefix("\ufeff")).split("\n")
    kept = "\n".join(line if line == SIGNATURE_MARK else line.rstrip(" \t") for line in lines).rstrip("\n")
    return f"{kept}\n" if kept else ""
