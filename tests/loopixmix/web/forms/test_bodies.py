"""Bodies of forms: what browsers send is read whole, all else is refused, and everything has a limit."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from loopixmix.web.forms.bodies import (
    MULTIPART,
    URLENCODED,
    BadFormError,
    FormBody,
    FormLimits,
    LongFormError,
    Upload,
    read_form,
    read_query,
)

LIMITS = FormLimits(body_bytes=2000, fields=4, text_bytes=100)
BOUNDARY = "----WebKitFormBoundary7MA4YWxkTrZu0gW"
TEXTS = st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20)


def multipart(*parts: tuple[str, bytes], end: str = "--") -> bytes:
    pieces = [f"--{BOUNDARY}\r\n{head}\r\n\r\n".encode() + body + b"\r\n" for head, body in parts]
    return b"".join(pieces) + f"--{BOUNDARY}{end}\r\n".encode()


def text_part(name: str, value: str) -> tuple[str, bytes]:
    return f'Content-Disposition: form-data; name="{name}"', value.encode()


def file_part(name: str, filename: str, body: bytes) -> tuple[str, bytes]:
    head = f'Content-Disposition: form-data; name="{name}"; filename="{filename}"\r\nContent-Type: image/png'
    return head, body


def read_multipart(body: bytes, limits: FormLimits = LIMITS) -> FormBody:
    return read_form(body, f"{MULTIPART}; boundary={BOUNDARY}", limits)


@given(pairs=st.lists(st.tuples(TEXTS, TEXTS), max_size=4))
def test_an_urlencoded_form_comes_as_it_was_sent(pairs: list[tuple[str, str]]) -> None:
    form = read_form(urlencode(pairs).encode(), URLENCODED, FormLimits())
    expected: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        expected[name] = (*expected.get(name, ()), value)
    assert form == FormBody(expected)


@given(value=TEXTS, body=st.binary(max_size=300))
def test_a_multipart_form_comes_as_it_was_sent(value: str, body: bytes) -> None:
    form = read_multipart(multipart(text_part("a", value), file_part("b", "c.png", body)))
    assert form == FormBody({"a": (value,)}, {"b": (Upload("c.png", body),)})


def test_several_files_and_values_of_one_name_keep_their_order() -> None:
    form = read_multipart(
        multipart(text_part("a", "1"), file_part("f", "x", b"1"), text_part("a", "2"), file_part("f", "y", b"2"))
    )
    assert form.texts == {"a": ("1", "2")}
    assert form.uploads == {"f": (Upload("x", b"1"), Upload("y", b"2"))}


def test_one_value_is_asked_for_and_several_are_refused() -> None:
    form = FormBody({"a": ("1",), "b": ("1", "2")})
    assert (form.one("a"), form.one("c")) == ("1", "")
    with pytest.raises(BadFormError, match="'b' 2 times"):
        form.one("b")
    assert form.without("b") == FormBody({"a": ("1",)})


def test_what_a_file_holds_is_not_in_its_words() -> None:
    assert "secret" not in repr(Upload("x", b"secret"))


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"{}", "application/json"),
        (b"a=1", "text/plain"),
        (b"a=1", ""),
        (b"a", URLENCODED),
        (b"a=1&", URLENCODED),
        (b"a=\xff", URLENCODED),
        (b"a=%ff", URLENCODED),
        (multipart(text_part("a", "1")), MULTIPART),
        (multipart(text_part("a", "1")), f"{MULTIPART}; boundary=other"),
        (multipart(text_part("a", "1"), end="")[:-4], f"{MULTIPART}; boundary={BOUNDARY}"),
        (multipart(text_part("a", "1"), end=""), f"{MULTIPART}; boundary={BOUNDARY}"),
        (multipart(("Content-Type: text/plain", b"1")), f"{MULTIPART}; boundary={BOUNDARY}"),
        (multipart(("Content-Disposition: form-data", b"1")), f"{MULTIPART}; boundary={BOUNDARY}"),
        (multipart(('Content-Disposition: form-data; name="a"', b"\xff")), f"{MULTIPART}; boundary={BOUNDARY}"),
        (b"", f"{MULTIPART}; boundary={BOUNDARY}"),
        (b"", f"{MULTIPART}; boundary=\xe9"),
    ],
)
def test_what_no_browser_sends_is_refused(body: bytes, content_type: str) -> None:
    with pytest.raises(BadFormError) as raised:
        read_form(body, content_type, LIMITS)
    assert not isinstance(raised.value, LongFormError)


@given(body=st.binary(max_size=400))
def test_any_bytes_are_read_or_refused(body: bytes) -> None:
    for content_type in (URLENCODED, f"{MULTIPART}; boundary=x"):
        for data in (body, b"--x\r\n" + body, b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + body):
            with suppress(BadFormError):
                read_form(data, content_type, LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        b"a=" + b"x" * 101,
        b"a=1&b=2&c=3&d=4&e=5",
        b"a=" + b"%e2%82%ac" * 34,
        b"a=" + b"x" * 2000,
    ],
)
def test_an_urlencoded_form_beyond_a_limit_is_too_long(body: bytes) -> None:
    with pytest.raises(LongFormError):
        read_form(body, URLENCODED, LIMITS)


@pytest.mark.parametrize(
    "body",
    [
        multipart(text_part("a", "x" * 101)),
        multipart(*[text_part("a", "1")] * 5),
        multipart(file_part("a", "b", b"x" * 2000)),
    ],
)
def test_a_multipart_form_beyond_a_limit_is_too_long(body: bytes) -> None:
    with pytest.raises(LongFormError):
        read_multipart(body)


def test_a_file_may_be_longer_than_a_text() -> None:
    assert len(read_multipart(multipart(file_part("a", "b", b"x" * 500))).uploads["a"][0].body) == 500


def test_the_query_of_an_address_is_read_the_same_way() -> None:
    assert read_query(b"", LIMITS) == FormBody()
    assert read_query(b"a=1&b=%C3%A9", LIMITS).one("b") == "é"
    with pytest.raises(BadFormError):
        read_query(b"a=%ff", LIMITS)
