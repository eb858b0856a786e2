"""The arguments of `client.api.Client`, checked by their names before any of its implementations works with them.

So all of them refuse the same, by the same errors. A program without a type checker may give anything.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from typing import Any, ParamSpec, TypeVar

from client.api import BadRequestError, Letter, UnknownServiceError
from client.core.arguments.forms import (
    MAX_NUMBER,
    check_bytes,
    check_count,
    check_flag,
    check_seconds,
    check_text,
    check_timeout,
    check_token_purpose,
    told_of,
)

P = ParamSpec("P")
R = TypeVar("R")


def checked(method: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, Coroutine[Any, Any, R]]:
    """Let a method of a client raise `BadRequestError` or another error of its own for arguments of a wrong form."""
    signature = inspect.signature(method)

    @functools.wraps(method)
    async def check_first(*args: P.args, **kwargs: P.kwargs) -> R:
        check(signature.bind(*args, **kwargs).arguments)
        return await method(*args, **kwargs)

    return check_first


def check(arguments: Mapping[str, object]) -> None:
    """Raise the error of the first argument that has a wrong form, as `checked` does."""
    for name, value in arguments.items():
        if name in _CHECKS:
            _CHECKS[name](name, value)


def _check_time(name: str, value: object) -> None:
    if value is not None:
        check_seconds(name, value)


def _check_service(name: str, value: object) -> None:
    check_text(name, value)
    if isinstance(value, str) and value.endswith("@"):
        raise UnknownServiceError(f"no provider of this network offers {value}: after the @ a provider is named")


def _check_purpose(name: str, value: object) -> None:
    check_text(name, value)
    check_token_purpose(str(value))


def _check_letters(name: str, value: object) -> None:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise BadRequestError(f"{name} is a list of Letter, not {type(value).__name__}")
    for index, letter in enumerate(value):
        with told_of(index):
            if not isinstance(letter, Letter):
                raise BadRequestError(f"it is a Letter, not {type(letter).__name__}")
            check({field: getattr(letter, field) for field in letter.__struct_fields__})


_TEXTS = (
    *("to", "kind", "idempotency_key", "message_id", "request_id", "address", "fingerprint"),
    *("name", "provider", "invitation", "issuer", "credential"),
)
_CHECKS: dict[str, Callable[[str, object], None]] = {
    **dict.fromkeys(_TEXTS, check_text),
    **dict.fromkeys(("body", "token", "key"), check_bytes),
    **dict.fromkeys(("number", "count", "body_bytes", "request_bytes", "answer_bytes"), check_count),
    **dict.fromkeys(("not_before_s", "deadline_s"), _check_time),
    "anonymous": check_flag,
    "timeout_s": check_timeout,
    **dict.fromkeys(("after", "last"), partial(check_count, least=0, most=MAX_NUMBER)),
    "limit": partial(check_count, least=1),
    "purpose": _check_purpose,
    "service": _check_service,
    "letters": _check_letters,
}
