# Shared by deploy/run and deploy/test: where we are, how we speak, and how missing packages come in. Sourced, never run.
# It must not know what is played or tested.

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
STATE=${MEDDISPATCH_STATE:-$ROOT/.state} # everything that a run keeps

say() { printf '%s\n' "== $*" >&2; }
die() { printf '%s\n' "$(basename "$0"): $*" >&2; exit "${DIE_STATUS:-1}"; }

cores() { nproc 2>/dev/null || echo 2; }

# Run as root: directly, or through sudo.
as_root() {
    if [ "$(id -u)" -eq 0 ]; then "$@"; return; fi
    command -v sudo >/dev/null || die "packages are missing and there is no sudo: as root, run: $*"
    sudo "$@"
}

# The packages of the given purposes that this machine does not have, one a line.
packages_missing() {
    local purpose entry package command
    for purpose in "$@"; do
        for entry in $(sed -n "s/^$purpose //p" "$ROOT/deploy/lib/packages"); do
            package=${entry%%:*} command=
            case $entry in *:*) command=${entry#*:} ;; esac
            if [ -n "$command" ] && command -v "$command" >/dev/null; then continue; fi
            if dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null | grep -qx installed; then continue; fi
            echo "$package"
        done
    done | sort -u
}

packages_install() {
    local missing
    missing=$(packages_missing "$@")
    [ -n "$missing" ] || return 0
    command -v apt-get >/dev/null || die "this machine has no apt-get; please install the equivalents of:" $missing
    say "installing:" $missing
    if grep -q '^postgresql-15$' <<<"$missing"; then
        # Debian's package would make and start a cluster of its own that listens on TCP; we bring a private one
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        printf 'create_main_cluster = false\n' | as_root tee /etc/postgresql-common/createcluster.d/meddispatch.conf >/dev/null
    fi
    as_root apt-get update -qq
    # shellcheck disable=SC2086
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends $missing >/dev/null
    missing=$(packages_missing "$@")
    [ -z "$missing" ] || die "still missing after the installation:" $missing
}

# A Debian package's files under .state/tools, without installing it: for a tool whose package would start a service of its own.
package_unpack() {
    local package=$1 command=$2 tools=$STATE/tools
    if command -v "$command" >/dev/null || [ -x "$tools/usr/bin/$command" ]; then return; fi
    command -v apt-get >/dev/null || return 0
    say "unpacking $package"
    mkdir -p "$tools/download"
    (cd "$tools/download" && apt-get download -qq "$package" >/dev/null 2>&1 && dpkg-deb -x "$package"_*.deb "$tools") || say "$package could not be fetched: its tests will be skipped"
    rm -rf "$tools/download"
}

# node_modules of a folder, again only when its lock file has changed.
npm_install() {
    local folder=$1 stamp=$1/node_modules/.meddispatch-lock
    if ! cmp -s "$folder/package-lock.json" "$stamp" 2>/dev/null; then
        say "npm ci in ${folder#"$ROOT"/}"
        (cd "$folder" && npm ci --no-audit --no-fund --loglevel=error) || die "npm ci failed in $folder"
        cp "$folder/package-lock.json" "$stamp"
    fi
}

# The dashboard's page, built anew when a source of it or of the contract has changed.
dashboard_build() {
    local folder=$ROOT/scheduler/dashboard stamp=$ROOT/scheduler/dashboard/dist/.sources sum
    npm_install "$folder"
    sum=$(cd "$ROOT" && find scheduler/dashboard proto/meddispatch -type f ! -path '*/node_modules/*' ! -path '*/dist/*' ! -path '*/gen/*' -print0 | sort -z | xargs -0 sha256sum | sha256sum)
    [ "$(cat "$stamp" 2>/dev/null)" != "$sum" ] || return 0
    say "building the dashboard"
    (cd "$folder" && node build.mjs) >&2 || die "the build of the dashboard failed"
    printf '%s\n' "$sum" >"$stamp"
}

# Its types, lint and unit tests; 77 where npm has not been.
dashboard_check() {
    [ -d "$ROOT/scheduler/dashboard/node_modules/typescript" ] || { say "skipped: scheduler/dashboard/node_modules is missing; run deploy/test"; return 77; }
    dashboard_build && (cd "$ROOT/scheduler/dashboard" && npm run --silent check)
}

# Configure and build a preset; quiet unless it fails.
build_preset() {
    local preset=$1 log=$ROOT/build/$1.log
    mkdir -p "$ROOT/build"
    say "building preset $preset"
    if ! { (cd "$ROOT" && cmake --preset "$preset" && cmake --build "build/$preset" -j "$(cores)" "${@:2}"); } >"$log" 2>&1; then
        tail -n 60 "$log" >&2
        die "the build of preset $preset failed; the whole log is $log"
    fi
}
