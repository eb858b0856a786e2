"""Bodies of forms, read within bounds: urlencoded and multipart, each field a list of texts or files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.http import parse_options_header
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, Preamble

from loopixmix.errors import PeerError

URLENCODED, MULTIPART = "application/x-www-form-urlencoded", "multipart/form-data"


class BadFormError(PeerError):
    """The form did not arrive as this page sends it."""


class LongFormError(BadFormError):
    """The form is longer than it may be."""


@dataclass(frozen=True, kw_only=True)
class FormLimits:
    """The longest body, the most fields in it, and the longest text of one; files are bounded by the body."""

    body_bytes: int = 1024 * 1024
    fields: int = 1000
    text_bytes: int = 64 * 1024


@dataclass(frozen=True)
class Upload:
    """A file that came with a form. `name` is what the sender calls it: show it, but never use it as a path."""

    name: str
    body: bytes = field(repr=False)


@dataclass(frozen=True)
class FormBody:
    """All that came with a form, in the order in which it came."""

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    uploads: Mapping[str, tuple[Upload, ...]] = field(default_factory=dict)

    def without(self, name: str) -> FormBody:
        """Return all but one field."""
        return FormBody({key: values for key, values in self.texts.items() if key != name}, self.uploads)

    def one(self, name: str) -> str:
        """Return the text of a field, empty if it is missing; raise `BadFormError` if there are several."""
        values = self.texts.get(name, ())
        if len(values) > 1:
            raise BadFormError(f"the form has the field {name[:40]!r} {len(values)} times, not once")
        return values[0] if values else ""


def read_form(body: bytes, content_type: str, limits: FormLimits) -> FormBody:
    """Return what a form sent.

    `content_type`: the header as it came. Raises `LongFormError` beyond `limits`, `BadFormError` for another type, for
    what is not UTF-8, and for a multipart body that is damaged.
    """
    if len(body) > limits.body_bytes:
        raise LongFormError(f"a form has at most {limits.body_bytes} bytes, not {len(body)}")
    kind, options = parse_options_header(content_type)
    match kind:
        case "application/x-www-form-urlencoded":
            return _read_urlencoded(body, limits)
        case "multipart/form-data":
            return _read_multipart(body, options.get("boundary", ""), limits)
        case _:
            raise BadFormError(f"a form is sent as {URLENCODED} or {MULTIPART}, not {kind[:40]!r}")


def read_query(query: bytes, limits: FormLimits) -> FormBody:
    """Return what stands in the query of an address; raises like `read_form`."""
    return _read_urlencoded(query, limits)


def _read_urlencoded(body: bytes, limits: FormLimits) -> FormBody:
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            errors="strict",
            max_num_fields=limits.fields,
        )
    except UnicodeError as error:
        raise BadFormError("the form is not UTF-8") from error
    except ValueError as error:
        # `parse_qsl` says "Max number of fields exceeded" and "bad query field" with one class.
        if body.count(b"&") + 1 > limits.fields:
            raise LongFormError(f"a form has at most {limits.fields} fields") from error
        raise BadFormError("the form is damaged") from error
    texts: dict[str, tuple[str, ...]] = {}
    for name, value in pairs:
        _check_length(name, len(value.encode()), limits)
        texts[name] = (*texts.get(name, ()), value)
    return FormBody(texts)


def _read_multipart(body: bytes, boundary: str, limits: FormLimits) -> FormBody:
    texts: dict[str, tuple[str, ...]] = {}
    uploads: dict[str, tuple[Upload, ...]] = {}
    if not boundary.isascii():
        raise BadFormError("the form is damaged")
    try:
        for part, data in _parts(body, boundary.encode("ascii"), limits):
            if isinstance(part, File):
                uploads[part.name] = (*uploads.get(part.name, ()), Upload(part.filename, data))
            else:
                _check_length(part.name, len(data), limits)
                texts[part.name] = (*texts.get(part.name, ()), data.decode())
    except RequestEntityTooLarge as error:
        raise LongFormError(f"a form has at most {limits.fields} fields") from error
    except UnicodeDecodeError as error:
        raise BadFormError("the form is not UTF-8") from error
    except ValueError as error:
        raise BadFormError("the form is damaged") from error
    return FormBody(texts, uploads)


def _parts(body: bytes, boundary: bytes, limits: FormLimits) -> Iterator[tuple[Field | File, bytes]]:
    """Yield each part; raise `ValueError` or `RequestEntityTooLarge`.

    Not by Werkzeug's `FormDataParser`: it puts long files on the disk, where they outlive the process, and writes
    replacement characters for what is not UTF-8.
    """
    if not boundary:
        raise ValueError("there is no boundary between the parts")
    decoder = MultipartDecoder(boundary, max_parts=limits.fields)
    decoder.receive_data(body)
    decoder.receive_data(None)
    part: Field | File | None = None
    while not isinstance(event := decoder.next_event(), Epilogue):
        match event:
            case Preamble():
                pass
            case Field() | File():
                # Werkzeug's types promise a name, but it is not looked for.
                if not event.name:
                    raise ValueError("a part has no name")
                part = event
            case Data(data=data, more_data=False) if part is not None:
                yield part, data
            case _:
                raise ValueError("the body ends within a part")


def _check_length(name: str, length_bytes: int, limits: FormLimits) -> None:
    if length_bytes > limits.text_bytes:
        raise LongFormError(f"the field {name[:40]!r} has at most {limits.text_bytes} bytes, not {length_bytes}")
