"""Which arithmetic this installation has, and which one an operator gets."""

from __future__ import annotations

from functools import lru_cache

from loopixmix.errors import MisuseError
from loopixmix.sphinx.arithmetic import Arithmetic

NATIVE = "native"
REFERENCE = "reference"


def _find_native() -> bool:
    try:
        import loopixmix._native  # noqa: F401
    except ImportError:
        return False
    return True


_NATIVE_IS_HERE = _find_native()


def arithmetic_names() -> tuple[str, ...]:
    """Return the names of the arithmetics this installation has, the default first."""
    return (NATIVE, REFERENCE) if _NATIVE_IS_HERE else (REFERENCE,)


def load_arithmetic(name: str | None = None) -> Arithmetic:
    """Return the arithmetic of that name, the same value each time; the default one for `None`.

    Raises `MisuseError` if this installation has no such arithmetic.
    """
    if name is None:
        name = arithmetic_names()[0]
    if name not in arithmetic_names():
        raise MisuseError(f'no Sphinx engine "{name}" here (there is: {", ".join(arithmetic_names())})')
    return _load(name)


@lru_cache(maxsize=2)
def _load(name: str) -> Arithmetic:
    # Imported on first use: sphinxmix brings petlib and pytest into the process, which a node with the native
    # arithmetic does not need.
    if name == NATIVE:
        from loopixmix.sphinx.native import NativeArithmetic

        return NativeArithmetic()
    from loopixmix.sphinx.reference import ReferenceArithmetic

    return ReferenceArithmetic()
