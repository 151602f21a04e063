#!/bin/sh
# Makes a fresh checkout ready to run: checks the tools and installs what package-lock.json says.
# It runs before node_modules exists and may be run at any time; when all is up to date it does nothing and needs no network.
set -eu
cd "$(dirname "$0")/.."

lock=package-lock.json
# npm writes this file last, so it exists only after an install that ended well.
installed_lock=node_modules/.package-lock.json
# The lock as it was at the last install: a checkout that touches the file without changing it costs nothing.
lock_copy=node_modules/.installed-lock.json

fail() {
  printf 'bootstrap: %s\n' "$1" >&2
  exit 1
}

# npm puts node_modules/.bin first in PATH. An install replaces that folder, so it runs with the machine's own Node.
path_without_modules() (
  IFS=: result=
  for entry in $PATH; do
    case $entry in
    */node_modules/.bin | */node_modules/.bin/) ;;
    *) result=${result:+$result:}$entry ;;
    esac
  done
  printf '%s' "$result"
)

require_tools() {
  command -v node >/dev/null 2>&1 || fail "node is missing: install Node.js 20 or newer (https://nodejs.org)"
  command -v npm >/dev/null 2>&1 || fail "npm is missing: it comes with Node.js (https://nodejs.org)"
  major=$(node -p 'process.versions.node.split(".")[0]')
  [ "$major" -ge 20 ] || fail "node $(node -v) is too old: install Node.js 20 or newer (https://nodejs.org)"
  if [ "${npm_lifecycle_event:-}" = pretest ]; then
    command -v git >/dev/null 2>&1 || fail "git is missing: npm test lists the files of the checkout with it"
  fi
}

is_installed() {
  [ -f "$installed_lock" ] || return 1
  [ -n "$(find "$installed_lock" -newer "$lock")" ] || cmp -s "$lock" "$lock_copy"
}

install() {
  [ ! -L node_modules ] || fail "node_modules is a link: an install would empty the folder that it leads to"
  printf 'bootstrap: installing the packages of %s (the first time takes about half a minute)\n' "$lock" >&2
  # Nothing of ours needs an install script; npm's warnings are about the Node that we replace.
  npm ci --ignore-scripts --no-audit --no-fund --loglevel=error || fail "npm ci failed, see above; the first install needs the package registry"
  cp "$lock" "$lock_copy"
  printf 'bootstrap: done\n' >&2
}

PATH=$(path_without_modules)
require_tools
is_installed || install
if [ ! -x node_modules/.bin/node ]; then
  node -e 'process.exit(process.features.typescript ? 0 : 1)' ||
    fail "no Node 24 package exists for this machine: run Millrace with Node.js 22.18 or newer"
fi
