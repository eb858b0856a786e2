"""What the operator lets hosted services take."""

from __future__ import annotations

from typing import Annotated

import msgspec

from provider.api import Declaration

_Count = Annotated[int, msgspec.Meta(ge=1)]


class HostingRules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The memory that all hosted services share: for parts of requests, and for answers that are being sent."""

    assembly_bytes: _Count = 64 * 1024 * 1024
    answer_bytes: _Count = 64 * 1024 * 1024


class ServiceLimits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Limits of one service that take the place of those it declares; see `provider.api.Declaration`."""

    at_once: _Count | None = None
    queue: _Count | None = None
    timeout_s: Annotated[float, msgspec.Meta(gt=0)] | None = None
    threads: _Count | None = None
    kept_bytes: _Count | None = None
    assembly_bytes: _Count | None = None
    assemblies: _Count | None = None

    def change(self, declaration: Declaration) -> Declaration:
        """Return what the service declares, with the operator's changes."""
        changes = {name: getattr(self, name) for name in self.__struct_fields__ if getattr(self, name) is not None}
        return msgspec.structs.replace(declaration, **changes)
