"""The types that programs see: the examples pass `mypy --strict` with an installed wheel, and from this environment."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from pathlib import Path

import pytest

pytestmark = pytest.mark.long

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted({path.parent for path in (ROOT / "docs" / "examples").rglob("*.py")})
SOURCES = ("pyproject.toml", "README.md", "LICENSE", "loopixmix", "provider", "client", "simulations", "native")
LEFT_OUT = shutil.ignore_patterns("__pycache__", "*.so", "target")
PROGRAM = """
from twisted.internet import reactor
from twisted.internet.task import Clock

from client.api import Client, ConfigError, LoopixmixError, MisuseError, PeerError, StoreError, UnavailableError
from client.testing import FakeNetwork
from loopixmix.seams import Clock as Time

ERRORS: tuple[type[LoopixmixError], ...] = (ConfigError, MisuseError, PeerError, StoreError, UnavailableError)


def both(clock: Clock) -> Time:
    return clock


async def ask(client: Client) -> bytes:
    return await client.request("echo", b"?", timeout_s=60)
"""


def run(command: Sequence[str | Path], *, where: Path, **environment: str) -> None:
    done = subprocess.run(
        [str(word) for word in command],
        cwd=where,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def check_types(directory: Path, *, python: Path) -> None:
    """Check all modules of a directory as a program of its own, with the settings of mypy and not with ours."""
    options = ["--strict", "--config-file=", "--cache-dir", directory / ".mypy_cache", "--python-executable", python]
    run([sys.executable, "-P", "-m", "mypy", *options, "."], where=directory)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The Python of an environment in which the wheel is installed."""
    root = tmp_path_factory.mktemp("wheel")
    source = root / "source"
    source.mkdir()
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, source / name, ignore=LEFT_OUT)
        else:
            shutil.copy(ROOT / name, source)
    # Without a Rust toolchain in the path: compiling takes a minute, and types are the same without it.
    path, constraint = "/usr/bin:/bin", str(ROOT / "constraints.txt")
    wheel = [sys.executable, "-P", "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", root, source]
    run(wheel, where=root, PATH=path, PIP_CONSTRAINT=constraint)
    venv.create(root / "environment", with_pip=False)
    packages = root / "environment" / Path(sysconfig.get_path("purelib")).relative_to(sys.prefix)
    run(
        [
            sys.executable,
            "-P",
            "-m",
            "pip",
            "install",
            "--quiet",
            "--no-deps",
            "--target",
            packages,
            *root.glob("*.whl"),
        ],
        where=root,
    )
    # What it depends on is there already; our own packages must come from the wheel.
    for package in Path(sysconfig.get_path("purelib")).iterdir():
        if package.suffix != ".pth" and "loopixmix" not in package.name and not (packages / package.name).exists():
            (packages / package.name).symlink_to(package)
    return root / "environment" / "bin" / "python"


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_and_its_tests_pass_with_the_wheel(installed: Path, tmp_path: Path, example: Path) -> None:
    shutil.copytree(example, tmp_path / "program")
    check_types(tmp_path / "program", python=installed)


def test_a_program_uses_the_clocks_of_twisted_and_every_kind_of_error(installed: Path, tmp_path: Path) -> None:
    (tmp_path / "program.py").write_text(PROGRAM)
    check_types(tmp_path, python=installed)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.name)
def test_an_example_passes_from_this_environment(tmp_path: Path, example: Path) -> None:
    shutil.copytree(example, tmp_path / "program")
    check_types(tmp_path / "program", python=Path(sys.executable))
