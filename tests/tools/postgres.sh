#!/usr/bin/env bash
# A PostgreSQL for one run of the tests: `start DIR` makes it in an empty folder and prints its address,
# `stop DIR` stops it and removes the folder. It listens on loopback alone and never runs as root.
set -euo pipefail

usage() { echo "usage: $0 start|stop DIR" >&2; exit 2; }
[ $# = 2 ] || usage
mkdir -p "$2"
dir=$(cd "$2" && pwd)
cd /

bin=
for candidate in /usr/lib/postgresql/*/bin; do
    [ -x "$candidate/initdb" ] && bin=$candidate
done
if [ -z "$bin" ]; then
    bin=$(dirname "$(command -v initdb)") || { echo "PostgreSQL is not installed" >&2; exit 1; }
fi

# initdb refuses root: the account of Debian's package does it, or whoever owns nothing.
as_user() { "$@"; }
if [ "$(id -u)" = 0 ]; then
    user=nobody
    id postgres >/dev/null 2>&1 && user=postgres
    as_user() { runuser -u "$user" -- "$@"; }
fi

is_free() { ! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

case $1 in
start)
    [ -e "$dir/data" ] && { echo "$dir already holds a database" >&2; exit 1; }
    umask 077
    password=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    printf '%s' "$password" >"$dir/password"
    [ "$(id -u)" = 0 ] && chown -R "$user" "$dir"
    as_user "$bin/initdb" --pgdata="$dir/data" --username=cplds --pwfile="$dir/password" --auth=scram-sha-256 \
        --encoding=UTF8 --locale=C.UTF-8 --no-sync >"$dir/initdb.log" 2>&1 || { cat "$dir/initdb.log" >&2; exit 1; }
    # The data live as long as the run: what protects them from a power cut only slows the tests.
    for _ in 1 2 3 4 5 6 7 8 9 10; do
        port=$((20000 + RANDOM % 12000))
        is_free "$port" || continue
        if as_user "$bin/pg_ctl" start --silent --wait --timeout=60 --pgdata="$dir/data" --log="$dir/server.log" \
            --options="-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories= -c max_connections=300 -c fsync=off -c full_page_writes=off -c synchronous_commit=off" \
            >/dev/null 2>&1 </dev/null; then
            echo "postgres://cplds:$password@127.0.0.1:$port/postgres"
            exit 0
        fi
    done
    echo "PostgreSQL did not start:" >&2
    cat "$dir/server.log" >&2
    exit 1
    ;;
stop)
    if [ -f "$dir/data/postmaster.pid" ]; then
        as_user "$bin/pg_ctl" stop --silent --wait --mode=immediate --pgdata="$dir/data" >/dev/null || true
    fi
    if [ -f "$dir/data/PG_VERSION" ] || [ -z "$(ls -A "$dir")" ] || [ -f "$dir/password" ]; then
        rm -rf "$dir"
    fi
    ;;
*) usage ;;
esac
