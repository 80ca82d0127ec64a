#!/usr/bin/env bash
# Makes .venv, installs what requirements.txt (and, with "dev", requirements-dev.txt) names, and
# looks after what Python packages cannot bring: Pango and fonts for PDFs, a Chromium. As root, or
# with a sudo that asks no password, it installs them by apt; otherwise it says what to install and
# goes on. A second start only compares stamps. PYTHON=... names another Python 3.11.
set -euo pipefail
cd "$(dirname "$0")/.."

PANGO="libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0"
FONTS="fonts-dejavu-core fonts-noto-core fonts-wqy-microhei"
CHROMIUM="chromium libatomic1" # Playwright's driver loads the second
missing=()

say() { printf 'rebound: %s\n' "$*" >&2; }

# Two of these at once, make run beside make test, would write the same .venv.
if command -v flock >/dev/null; then
    exec 9<deploy/bootstrap.sh
    flock -n 9 || { say "waiting for another start to finish its installing"; flock 9; }
fi

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"
    elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then sudo -n "$@"
    else return 1
    fi
}

updated=
apt() {
    command -v apt-get >/dev/null && as_root true || return 1
    say "installing $*"
    local get=(env DEBIAN_FRONTEND=noninteractive DEBCONF_NOWARNINGS=yes apt-get -qq -o DPkg::Lock::Timeout=120)
    if [ -z "$updated" ]; then
        as_root "${get[@]}" update >/dev/null || say "apt-get update failed; trying with the lists that are there"
        updated=yes
    fi
    as_root "${get[@]}" install -y --no-install-recommends "$@" >/dev/null
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
        apt python3.11 python3.11-venv || true
        python=$(find_python) || { say "Rebound needs Python 3.11; install it, or name it: make run PYTHON=/path/to/python3.11"; exit 1; }
    fi
    rm -rf .venv
    # Debian keeps ensurepip, which brings pip, in a package of its own.
    if "$python" -c 'import ensurepip' 2>/dev/null || apt python3-venv || apt python3.11-venv; then
        say "making .venv"
        "$python" -m venv .venv
    else
        say "Python's venv module is not complete; as root: apt-get install python3-venv; then start again"
        exit 1
    fi
}

install_packages() {
    local file=$1 stamp=.venv/$1.stamp wanted
    wanted=$(cat requirements.txt "$file" | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" = "$wanted" ] && return
    say "installing Python packages from $file; the first time this takes a minute or two"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check -r "$file" ||
        { say "the Python packages could not be installed; see above. The next start tries again."; exit 1; }
    printf '%s' "$wanted" >"$stamp"
}

has_pango() { .venv/bin/python -c 'import weasyprint' >/dev/null 2>&1; }

# Names come in any script: one letter each of Latin, Cyrillic, Greek, Hebrew, Arabic, Devanagari, Thai,
# Chinese, Japanese and Korean. Outside Debian, without fc-list, we cannot know.
has_fonts() {
    local letter
    command -v fc-list >/dev/null || { ! command -v apt-get >/dev/null; return; }
    for letter in 0041 0416 03a9 05d0 0639 0905 0e01 6f22 3042 d55c; do
        [ -n "$(fc-list ":charset=$letter" file)" ] || return 1
    done
}

chromium_path() {
    if [ -n "${CHROMIUM_PATH:-}" ]; then printf '%s' "$CHROMIUM_PATH"; return; fi
    command -v chromium || command -v chromium-browser || command -v google-chrome || command -v google-chrome-stable ||
        .venv/bin/python -c '
from playwright.sync_api import sync_playwright
with sync_playwright() as playwright:
    print(playwright.chromium.executable_path)' 2>/dev/null
}

# They start: what lacks a library is there, and of no use.
has_driver() { .venv/bin/python -m playwright --version >/dev/null 2>&1; }
has_chromium() { local path; has_driver && path=$(chromium_path) && "$path" --version >/dev/null 2>&1; }

get_chromium() {
    # shellcheck disable=SC2086
    apt $CHROMIUM && has_chromium && return
    # Ubuntu's is a snap, others have none: then Playwright's own.
    has_driver || return 1
    say "fetching Playwright's Chromium"
    as_root "$PWD/.venv/bin/python" -m playwright install-deps chromium >/dev/null || true
    .venv/bin/python -m playwright install chromium >/dev/null
}

system_needs() {
    local stamp=.venv/system.stamp wanted path
    wanted=$(sha256sum <deploy/bootstrap.sh)
    if [ -e "$stamp" ] && { read -r path && read -r known; } <"$stamp" && [ -x "$path" ] && [ "$known" = "$wanted" ]; then return; fi
    # shellcheck disable=SC2086
    has_pango || { apt $PANGO && has_pango; } || missing+=($PANGO)
    # shellcheck disable=SC2086
    has_fonts || { apt $FONTS && has_fonts; } || missing+=($FONTS)
    # shellcheck disable=SC2086
    has_chromium || { get_chromium && has_chromium; } || missing+=($CHROMIUM)
    [ ${#missing[@]} = 0 ] && printf '%s\n%s\n' "$(chromium_path)" "$wanted" >"$stamp"
    return 0
}

tell_missing() {
    [ ${#missing[@]} = 0 ] && return
    case " ${missing[*]} " in *pango*) say "without Pango there are no PDFs" ;; esac
    case " ${missing[*]} " in *fonts*) say "without more fonts, names in some scripts print as empty boxes" ;; esac
    case " ${missing[*]} " in *chromium*) say "without a Chromium the automation does not work (CHROMIUM_PATH names one)" ;; esac
    if command -v apt-get >/dev/null; then
        say "to have it all, run as root: apt-get update && apt-get install -y --no-install-recommends ${missing[*]}"
    else
        say "what Debian calls ${missing[*]} has to come from this system's own package manager (macOS: brew install pango)"
    fi
}

# The stamp holds the folder too: a moved clone has a .venv whose programs point to the old place.
if ! [ "$(cat .venv/made-at 2>/dev/null)" = "$PWD" ] || ! .venv/bin/python -c '' 2>/dev/null; then
    [ "$(.venv/bin/python -c 'import sys; print(sys.prefix)' 2>/dev/null)" = "$PWD/.venv" ] || make_venv
    printf '%s' "$PWD" >.venv/made-at
fi
if [ "${1:-}" = dev ]; then install_packages requirements-dev.txt; else
    # What the tests need includes what the program needs.
    [ "$(cat .venv/requirements-dev.txt.stamp 2>/dev/null)" = "$(cat requirements.txt requirements-dev.txt | sha256sum)" ] || install_packages requirements.txt
fi
system_needs
tell_missing
