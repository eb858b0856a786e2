"""Attachments in the anonymous form: their bytes as they are, their names and types in one form."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from urllib.parse import quote

MAX_NAME_BYTES = 120
UNNAMED = "attachment"
UNKNOWN_TYPE = "application/octet-stream"

# By the ending of the name, because programs and systems name types differently. A table of our own, because that of
# the standard library reads files of the machine.
_TYPES = {
    "7z": "application/x-7z-compressed",
    "asc": "application/pgp-keys",
    "csv": "text/csv",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "eml": "application/octet-stream",
    "epub": "application/epub+zip",
    "gif": "image/gif",
    "gz": "application/gzip",
    "ics": "text/calendar",
    "jpeg": "image/jpeg",
    "jpg": "image/jpeg",
    "json": "application/json",
    "mp3": "audio/mpeg",
    "mp4": "video/mp4",
    "odp": "application/vnd.oasis.opendocument.presentation",
    "ods": "application/vnd.oasis.opendocument.spreadsheet",
    "odt": "application/vnd.oasis.opendocument.text",
    "ogg": "audio/ogg",
    "pdf": "application/pdf",
    "png": "image/png",
    "pptx": "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    "svg": "image/svg+xml",
    "tar": "application/x-tar",
    "txt": "text/plain",
    "vcf": "text/vcard",
    "webp": "image/webp",
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "xml": "application/xml",
    "zip": "application/zip",
}


@dataclass(frozen=True)
class Attachment:
    """A file in a mail. `name` is in the form of `normalised_name`."""

    name: str
    content: bytes

    @property
    def content_type(self) -> str:
        """The type that the ending of the name tells."""
        _, dot, ending = self.name.rpartition(".")
        return _TYPES.get(ending.lower(), UNKNOWN_TYPE) if dot else UNKNOWN_TYPE

    @property
    def disposition(self) -> str:
        """The value of its `Content-Disposition` (RFC 2183; RFC 2231 for names beyond ASCII)."""
        if self.name.isascii():
            return f'attachment; filename="{self.name}"'
        return f"attachment; filename*=utf-8''{quote(self.name, safe='')}"


def normalised_name(name: str | None) -> str:
    """Return the name of a file without its folders and without characters that nobody sees or that confuse programs.

    It has at most `MAX_NAME_BYTES` in UTF-8; a long one loses its middle part, and keeps its ending.
    """
    last = (name or "").replace("\\", "/").rpartition("/")[2]
    # Letters that print nothing could hide the true ending of a name, or mark a copy.
    seen = "".join(char for char in unicodedata.normalize("NFC", last) if unicodedata.category(char)[0] != "C")
    kept = " ".join(seen.replace('"', "_").split()).lstrip(". ")
    stem, dot, ending = kept.rpartition(".")
    if not dot or len(ending) > 10:
        stem, dot, ending = kept, "", ""
    room = MAX_NAME_BYTES - len(f"{dot}{ending}".encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending or UNNAMED
