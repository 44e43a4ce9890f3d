# Shared by the other scripts: `. scripts/lib.sh` after `cd` to the top of the repository.
# shellcheck shell=bash

set -euo pipefail

# cargo's folder; what the scripts keep beside the code (logs, the Python environment) is in target/.
# shellcheck disable=SC2034 # for those that source this
TARGET=${CARGO_TARGET_DIR:-target}
mkdir -p target

ENGINE=${RANCHETTE_DOCKER_HOST:-unix:///var/run/docker.sock}

say() { printf '\033[1m==> %s\033[0m\n' "$*" >&2; }
die() { printf 'error: %s\n' "$*" >&2; exit 1; }
have() { command -v "$1" >/dev/null 2>&1; }
root() { [ "$(id -u)" = 0 ]; }

# Debian keeps daemons in folders that are not on everyone's path; rustup's is in the home folder.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin:${CARGO_HOME:-$HOME/.cargo}/bin
export PATH

# until_deadline SECONDS COMMAND..: polls until the command succeeds; fails when the time is over.
until_deadline() {
    local end=$((SECONDS + $1))
    shift
    until "$@"; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.1
    done
}

# engine_answers: does a Docker Engine answer where we expect one?
engine_answers() { have docker && docker -H "$ENGINE" version >/dev/null 2>&1; }

# http_ok HOST PORT PATH: is the answer 200? Needs neither curl nor wget.
http_ok() (
    exec 3<>"/dev/tcp/$1/$2" || exit 1
    printf 'GET %s HTTP/1.0\r\nHost: %s\r\n\r\n' "$3" "$1" >&3
    IFS=' ' read -r -t 5 _ status _ <&3 || exit 1
    [ "$status" = 200 ]
) 2>/dev/null
