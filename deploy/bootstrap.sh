#!/usr/bin/env bash
# Makes .venv, installs what requirements.txt (and, with "dev", requirements-dev.txt) names, and
# looks after what Python packages cannot bring: Pango for PDFs and a Chromium. A second start
# only compares stamps. PYTHON=... names another Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."

say() { printf 'rebound: %s\n' "$*" >&2; }

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

updated=
apt() {
    command -v apt-get >/dev/null || return 1
    if [ -z "$updated" ]; then
        as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq update >/dev/null || return 1
        updated=yes
    fi
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "$@" >/dev/null
}

find_python() {
    local candidate
    for candidate in ${PYTHON:-} python3.11 python3; do
        if "$candidate" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return
        fi
    done
    return 1
}

make_venv() {
    local python
    if ! python=$(find_python); then
        say "installing Python 3.11"
        apt python3.11 python3.11-venv || true
        python=$(find_python) || { say "Rebound needs Python 3.11; install it, or name it: make run PYTHON=/path/to/python3.11"; exit 1; }
    fi
    if ! "$python" -c 'import ensurepip, venv' 2>/dev/null; then
        say "installing Python's venv module"
        apt python3-venv || apt python3.11-venv || { say "Python has no venv module; run: apt-get install python3-venv"; exit 1; }
    fi
    say "making .venv"
    rm -rf .venv
    "$python" -m venv .venv
}

install_packages() {
    local file=$1 stamp=.venv/$1.stamp wanted
    wanted=$(cat requirements.txt "$file" | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "installing Python packages from $file"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$file"
    printf '%s' "$wanted" >"$stamp"
}

has_pango() { .venv/bin/python -c 'import weasyprint' >/dev/null 2>&1; }

chromium_path() {
    if [ -n "${CHROMIUM_PATH:-}" ]; then printf '%s' "$CHROMIUM_PATH"; return; fi
    command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable ||
        .venv/bin/python -c '
import os, sys
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    path = playwright.chromium.executable_path
print(path)
sys.exit(not os.path.exists(path))' 2>/dev/null
}

system_needs() {
    local stamp=.venv/system.stamp
    [ -e "$stamp" ] && [ -x "$(cat "$stamp")" ] && return
    if ! has_pango; then
        say "installing Pango"
        apt libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core || true
        has_pango || say "PDFs will not work until Pango is there: apt-get install libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fonts-dejavu-core (macOS: brew install pango)"
    fi
    if ! chromium_path >/dev/null; then
        say "installing Chromium"
        apt chromium || as_root .venv/bin/python -m playwright install --with-deps chromium || .venv/bin/python -m playwright install chromium || true
    fi
    if chromium_path >/dev/null && has_pango; then
        chromium_path >"$stamp"
    else
        chromium_path >/dev/null || say "Automation will not work until there is a Chromium: apt-get install chromium, or set CHROMIUM_PATH"
    fi
}

# The stamp holds the folder too: a moved clone has a .venv whose programs point to the old place.
if ! [ "$(cat .venv/made-at 2>/dev/null)" = "$PWD" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    if [ -x .venv/bin/python ] && [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)')" = "$PWD/.venv" ]; then
        printf '%s' "$PWD" >.venv/made-at
    else
        make_venv
        printf '%s' "$PWD" >.venv/made-at
    fi
fi
if [ "${1:-}" = dev ]; then install_packages requirements-dev.txt; else
    # What the tests need includes what the program needs.
    [ "$(cat .venv/requirements-dev.txt.stamp 2>/dev/null)" = "$(cat requirements.txt requirements-dev.txt | sha256sum)" ] || install_packages requirements.txt
fi
system_needs
