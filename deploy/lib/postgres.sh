# A private PostgreSQL cluster that is kept between runs: its own user, its own folder, a Unix socket and no TCP. Sourced after common.sh.
# Sets PG_HOME (folder of the cluster), PG_SOCKET (folder of the socket), PG_PID while it runs.

PG_PID= PG_SOCKET= PG_HOME=
PG_AS=()

pg_bin() {
    local candidate found=
    for candidate in /usr/lib/postgresql/*/bin; do
        if [ -x "$candidate/initdb" ]; then found=$candidate; fi
    done
    if [ -z "$found" ] && command -v initdb >/dev/null; then found=$(dirname "$(command -v initdb)"); fi
    [ -n "$found" ] || die "PostgreSQL's initdb is not installed"
    echo "$found"
}

# PostgreSQL refuses to run as root, and that user must be able to reach the cluster: a clone below a closed folder (such as root's home)
# keeps it in /var/lib/meddispatch instead, with a link from the state folder.
pg_place() {
    PG_BIN=$(pg_bin)
    PG_HOME=$STATE/postgres
    PG_USER=$(id -un)
    [ "$(id -u)" -eq 0 ] || return 0
    PG_USER=postgres
    id "$PG_USER" >/dev/null 2>&1 || PG_USER=nobody
    PG_AS=(setpriv --reuid "$PG_USER" --regid "$(id -g "$PG_USER")" --clear-groups --)
    if ! "${PG_AS[@]}" test -x "$STATE"; then
        PG_HOME=/var/lib/meddispatch/$(printf %s "$ROOT" | sha256sum | cut -c1-12)
        mkdir -p "$PG_HOME"
        ln -sfn "$PG_HOME" "$STATE/postgres"
    fi
    mkdir -p "$PG_HOME"
    chown "$PG_USER" "$PG_HOME"
}

# A postmaster that a killed run left behind on this very folder.
pg_stop_stale() {
    local pid
    pid=$(head -n 1 "$PG_HOME/data/postmaster.pid" 2>/dev/null) || return 0
    case $pid in '' | *[!0-9]*) return 0 ;; esac
    if [ "$(readlink "/proc/$pid/cwd")" = "$(readlink -f "$PG_HOME/data")" ]; then
        say "stopping the PostgreSQL that an interrupted run left behind"
        kill -INT "$pid"
        for _ in $(seq 100); do kill -0 "$pid" 2>/dev/null || break; sleep 0.1; done
    fi
}

pg_start() {
    pg_place
    pg_stop_stale
    if [ ! -s "$PG_HOME/data/PG_VERSION" ]; then
        say "making a private PostgreSQL cluster in $PG_HOME"
        "${PG_AS[@]}" rm -rf "$PG_HOME/data"
        (cd "$PG_HOME" && "${PG_AS[@]}" "$PG_BIN/initdb" -D "$PG_HOME/data" -U meddispatch --auth=trust --encoding=UTF8 --locale=C) >"$STATE/initdb.log" 2>&1 \
            || { cat "$STATE/initdb.log" >&2; die "initdb failed"; }
    fi
    PG_SOCKET=$(mktemp -d /tmp/meddispatch.XXXXXX) # a socket's path may have 107 bytes only, so not below a deep clone
    chmod 0700 "$PG_SOCKET"
    [ ${#PG_AS[@]} -eq 0 ] || chown "$PG_USER" "$PG_SOCKET"
    (cd "$PG_HOME" && exec setsid "${PG_AS[@]}" "$PG_BIN/postgres" -D "$PG_HOME/data" -k "$PG_SOCKET" -c listen_addresses= -c max_connections=64 -c shared_buffers=128MB \
        -c max_wal_size=1GB -c log_min_messages=warning -c timezone=UTC) >"$STATE/postgres.log" 2>&1 9>&- &
    PG_PID=$!
    for _ in $(seq 300); do
        if "$PG_BIN/pg_isready" -q -h "$PG_SOCKET" -U meddispatch -d postgres; then return 0; fi
        kill -0 "$PG_PID" 2>/dev/null || break
        sleep 0.1
    done
    cat "$STATE/postgres.log" >&2
    die "PostgreSQL did not start"
}

# A new database for one run; those of earlier runs go.
pg_database() {
    local name=$1 old
    for old in $("$PG_BIN/psql" -h "$PG_SOCKET" -U meddispatch -d postgres -XAtc "select datname from pg_database where datname like 'run\\_%'"); do
        "$PG_BIN/dropdb" -h "$PG_SOCKET" -U meddispatch --force "$old"
    done
    "$PG_BIN/createdb" -h "$PG_SOCKET" -U meddispatch "$name"
    PG_URI="host=$PG_SOCKET user=meddispatch dbname=$name"
}

pg_stop() {
    [ -n "$PG_PID" ] || return 0
    kill -INT "$PG_PID" 2>/dev/null # fast shutdown
    for _ in $(seq 200); do kill -0 "$PG_PID" 2>/dev/null || break; sleep 0.05; done
    kill -QUIT "$PG_PID" 2>/dev/null
    wait "$PG_PID" 2>/dev/null
    PG_PID=
    rm -rf "$PG_SOCKET"
}
