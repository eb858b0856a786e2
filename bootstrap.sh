#!/bin/sh
# Makes .venv with everything LoopixMix needs. Called by make; safe to run again; quick when nothing changed.
set -eu
cd "$(dirname "$0")"
venv=.venv
stamp=$venv/.bootstrapped
log=build/bootstrap.log
mkdir -p build

say() { printf '%s\n' "$*"; }
fail() { say "bootstrap: $*" >&2; exit 1; }

# What the environment is made from: when none of it changed, there is nothing to do.
state=$(cat bootstrap.sh pyproject.toml constraints.txt native/Cargo.toml native/Cargo.lock native/signing/Cargo.toml \
            $(find native -path native/target -prune -o -name '*.rs' -print | sort) | cksum
        command -v cargo || true; pwd)
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$state" ] && [ -x "$venv/bin/loopixmix" ]; then
    exit 0
fi

python=
for name in python3 python3.14 python3.13 python3.12 python3.11; do
    if command -v "$name" >/dev/null && "$name" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python=$name
        break
    fi
done

# Debian packages: a compiler and headers for petlib, venv and headers for Debian's own Python.
missing=
need() { missing="$missing $1"; }
[ -n "$python" ] || need python3
{ command -v cc && command -v make; } >/dev/null || need build-essential
[ -n "$(find /usr/include -path '*/openssl/evp.h' 2>/dev/null | head -n 1)" ] || need libssl-dev
[ -n "$(find /usr/include -name ffi.h 2>/dev/null | head -n 1)" ] || need libffi-dev
if [ -n "$python" ]; then
    "$python" -c 'import ensurepip' 2>/dev/null || need python3-venv
    headers=$("$python" -c 'import sysconfig; print(sysconfig.get_paths()["include"])')
    [ -f "$headers/Python.h" ] || need python3-dev
else
    need python3-venv
    need python3-dev
fi
if [ -n "$missing" ]; then
    if [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
        say "bootstrap: installing Debian packages:$missing"
        # shellcheck disable=SC2086
        { apt-get update -q && DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends $missing; } \
            >"$log" 2>&1 || { tail -n 20 "$log" >&2; fail "the packages could not be installed (see $log)"; }
        python=${python:-python3}
    else
        fail "these packages are missing; run:  sudo apt-get install$missing"
    fi
fi
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || fail "Python 3.11 or newer is needed"

say "bootstrap: making $venv with $("$python" --version) (a few minutes the first time; log in $log)"
[ -x "$venv/bin/python" ] && "$venv/bin/python" -c '' 2>/dev/null || "$python" -m venv --clear "$venv"
# As a URL: pip takes a space in this variable for the end of a name.
constraints=$("$python" -c 'import pathlib; print(pathlib.Path("constraints.txt").absolute().as_uri())')
PIP_CONSTRAINT=$constraints "$venv/bin/python" -m pip install --disable-pip-version-check --editable '.[dev]' \
    >"$log" 2>&1 || { tail -n 30 "$log" >&2; fail "the Python packages could not be installed (see $log)"; }

if "$venv/bin/python" -c 'import loopixmix._native' 2>/dev/null; then
    say "bootstrap: the native Sphinx engine is built"
elif command -v cargo >/dev/null; then
    grep -m 5 -E '^ *error' "$log" >&2 || true
    say "bootstrap: the native engine did not build with $(cargo --version) (see $log); the slower reference engine serves"
else
    say "bootstrap: no Rust toolchain (cargo) found: the slower reference engine serves; install Rust and run make again for the native one"
fi
if ! "$venv/bin/python" -c 'import loopixmix._signing' 2>/dev/null; then
    say "bootstrap: the native signer of tokens is not built (it needs Rust 1.87): Python signs them, a tenth as fast"
fi
printf '%s' "$state" >"$stamp"
