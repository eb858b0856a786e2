"""Answers cannot lead elsewhere, and cannot break a header."""

from __future__ import annotations

import pytest

from loopixmix.errors import MisuseError
from loopixmix.web.visiting.answers import Download, SeeOther


@pytest.mark.parametrize("path", ["/", "/a/b?c=d", "/%C3%A9"])
def test_a_path_of_the_application(path: str) -> None:
    assert SeeOther(path).path == path


@pytest.mark.parametrize(
    "path", ["", "a", "//evil.example", "https://evil.example", "/a\r\nSet-Cookie: x", "/é", "/\\e"]
)
def test_no_path_leads_elsewhere(path: str) -> None:
    with pytest.raises(MisuseError, match="no path of this application"):
        SeeOther(path)


@pytest.mark.parametrize("name", ["", 'a"b', "a/b", "a\r\nb", "é.csv", "x" * 101])
def test_a_file_has_a_plain_name(name: str) -> None:
    with pytest.raises(MisuseError, match="no file name"):
        Download(name, "text/csv", b"")
