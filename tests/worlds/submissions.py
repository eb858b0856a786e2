"""Queues of mail in memory, and users with them."""

from __future__ import annotations

from dataclasses import dataclass, field

from leap_plugin.mail.submitting import Announcement, SubmissionRefusedError, SubmittedMail

ALICE = "alice@provider-1.mix.invalid"
UNKNOWN = "nobody@provider-1.mix.invalid"
PASSWORD = "right-password"


@dataclass
class MemorySubmissions:
    """Takes every mail but those to `UNKNOWN`, and keeps it."""

    size_bytes: int = 100_000
    taken: list[SubmittedMail] = field(default_factory=list)
    checked: list[tuple[str, int | None]] = field(default_factory=list)
    failing: Exception | None = None

    def announcement(self) -> Announcement:
        return Announcement(size_bytes=self.size_bytes, text="mix network: a short mail takes about 3 s")

    async def check_recipient(self, address: str, size_bytes: int | None) -> None:
        self.checked.append((address, size_bytes))
        if address == UNKNOWN:
            raise SubmissionRefusedError(455, "4.7.5", "the key of this recipient is missing")

    async def submit(self, submitted: SubmittedMail) -> str:
        if self.failing is not None:
            raise self.failing
        self.taken.append(submitted)
        return f"mail-{len(self.taken)}"
