#!/usr/bin/env bash
# `make run`: from a fresh clone to a server with examples/hello running on real Docker.
# Ctrl-C stops the server; the containers keep running and the next start adopts them.
# `PROFILE=dev make run` builds faster and runs slower.
cd "$(dirname "$0")/.." && . scripts/lib.sh

LISTEN=${RANCHETTE_SERVER_LISTEN:-127.0.0.1:8080}
HOST=${LISTEN%:*} PORT=${LISTEN##*:}
case $HOST in 0.0.0.0 | '[::]') HOST=127.0.0.1 ;; esac
URL=http://$HOST:$PORT
START_S=30
PAGE_PORT=${HELLO_PORT:-8088}
PROFILE=${PROFILE:-release}
# cargo keeps what the profile `dev` builds in `debug`.
case $PROFILE in dev) BUILT=debug ;; *) BUILT=$PROFILE ;; esac
RANCHETTE=$TARGET/$BUILT/ranchette

if root; then DATA=/var/lib/ranchette; else DATA=${XDG_DATA_HOME:-$HOME/.local/share}/ranchette; fi
DATA=${RANCHETTE_SERVER_DATA_DIR:-$DATA}

serving() { http_ok "$HOST" "$PORT" /healthz; }
gone() { ! kill -0 "$server" 2>/dev/null; }
serving_or_gone() { serving || gone; }

# The log goes to a file, so that what is printed below stays readable.
start_server() {
    "$RANCHETTE" serve >>target/server.log 2>&1 &
    server=$!
    trap 'kill -TERM "$server" 2>/dev/null || true' TERM HUP
    trap : INT # the terminal has told the server already; wait for it to finish
    until_deadline $START_S serving_or_gone || die "the server did not answer at $URL within $START_S seconds"
    if gone; then
        tail -n 20 target/server.log >&2
        die "the server stopped; see target/server.log"
    fi
}

deploy() {
    say "deploying examples/hello"
    RANCHETTE_URL=$URL RANCHETTE_SERVER_DATA_DIR=$DATA \
        "$RANCHETTE" up -f examples/hello/compose.yaml -p hello
    until_deadline $START_S http_ok 127.0.0.1 "$PAGE_PORT" / ||
        die "the example's page does not answer at http://127.0.0.1:$PAGE_PORT"
}

report() {
    echo
    RANCHETTE_URL=$URL RANCHETTE_SERVER_DATA_DIR=$DATA "$RANCHETTE" ps
    echo
    echo "Dashboard and API   $URL"
    echo "The example's page  http://127.0.0.1:$PAGE_PORT"
    if [ -s "$DATA/setup-code" ]; then
        echo "Set-up code         $(cat "$DATA/setup-code")   (creates the administrator, once)"
    fi
    echo "Log                 target/server.log"
}

# A server that could not deploy the example is of no use to the person in front of it.
clean_up() {
    [ -n "$server" ] && [ -z "$deployed" ] && ! gone || return 0
    kill -TERM "$server" 2>/dev/null || true
    wait "$server" || true
    echo "error: the example could not be deployed; see target/server.log" >&2
}

server='' deployed=''
trap clean_up EXIT
scripts/install-deps.sh run
say "building (the first time takes a few minutes)"
cargo build --profile "$PROFILE" --locked --bin ranchette
scripts/docker.sh
scripts/build-images.sh
if serving; then
    say "a server answers at $URL already"
else
    say "starting the server at $URL"
    start_server
fi
deploy
report
deployed=yes
[ -n "$server" ] || exit 0
echo
echo "Ctrl-C stops the server and leaves the containers running."
# A signal ends `wait` early, with 128 and more; the next one has the server's own status.
status=255
while [ "$status" -gt 128 ]; do
    status=0
    wait "$server" || status=$?
done
exit "$status"
