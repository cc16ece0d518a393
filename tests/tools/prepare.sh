#!/usr/bin/env bash
# Installs what the tests need and the machine lacks: system packages by apt when root, Python and npm packages
# in .tools at the versions locked beside this file. Without the right to install, names what is missing and fails.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
tools=$root/.tools

has() { command -v "$1" >/dev/null 2>&1; }
has_postgres() { has initdb || compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null; }
has_venv() { /usr/bin/env python3 -c 'import venv, ensurepip' >/dev/null 2>&1; }

missing=()
need() { missing+=("$1"); }
has_postgres || need postgresql
has chromium || has chromium-browser || has google-chrome || need chromium
has chromedriver || need chromium-driver
{ has pdftotext && has pdfinfo && has pdftoppm; } || need poppler-utils
has qpdf || need qpdf
has strace || need strace
has_venv || need python3-venv
has node || need nodejs
has npm || need npm
has openssl || need openssl
has runuser || need util-linux

if [ ${#missing[@]} -gt 0 ]; then
    if [ "$(id -u)" != 0 ] || ! has apt-get; then
        echo "The tests need what this machine lacks: ${missing[*]} (names of Debian packages)." >&2
        echo "Install them, for example: sudo apt-get install ${missing[*]}" >&2
        exit 1
    fi
    echo "Installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi

# A folder is remade when its lock changed, and counts as made only once the whole of it is there.
is_current() { [ -f "$1/.lock-sum" ] && [ "$(cat "$1/.lock-sum")" = "$(cat "${@:2}" | sha256sum)" ]; }
seal() { cat "${@:2}" | sha256sum >"$1/.lock-sum"; }

mkdir -p "$tools"
# Two runs in the same checkout must not build the same folder at once.
exec 9>"$tools/.busy"
flock 9

if ! is_current "$tools/venv" "$here/requirements.txt"; then
    echo "Making .tools/venv"
    rm -rf "$tools/venv"
    python3 -m venv "$tools/venv"
    "$tools/venv/bin/pip" install --quiet --disable-pip-version-check --require-hashes --no-deps -r "$here/requirements.txt"
    seal "$tools/venv" "$here/requirements.txt"
fi

if ! is_current "$tools/npm" "$here/npm/package.json" "$here/npm/package-lock.json"; then
    echo "Making .tools/npm"
    rm -rf "$tools/npm"
    mkdir -p "$tools/npm"
    cp "$here/npm/package.json" "$here/npm/package-lock.json" "$tools/npm/"
    (cd "$tools/npm" && npm ci --ignore-scripts --no-audit --no-fund --loglevel=error)
    seal "$tools/npm" "$here/npm/package.json" "$here/npm/package-lock.json"
fi
