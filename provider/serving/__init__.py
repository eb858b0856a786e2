"""A hosted service as a program of its own, behind a Unix socket: it may be slow or end without harm to the provider.

`serve` makes such a program of any service. The provider asks it by `remote.RemoteAsker`. Both speak in `frames`.
"""

from __future__ import annotations

from provider.serving.main import serve

__all__ = ["serve"]
