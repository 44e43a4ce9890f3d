#!/usr/bin/env bash
# Makes sure that a Docker Engine answers. One that is already there is left as it is.
cd "$(dirname "$0")/.." && . scripts/lib.sh

WAIT_S=60

reason() {
    if [ -S /var/run/docker.sock ] && [ ! -w /var/run/docker.sock ]; then
        echo "this account may not use Docker; run \`sudo usermod -aG docker $(id -un)\` and log in again"
    else
        echo "Docker is not running; start it with \`sudo systemctl start docker\`"
    fi
}

start() {
    if [ -d /run/systemd/system ]; then
        say "starting Docker"
        systemctl start docker || die "Docker did not start; see \`journalctl -u docker\`"
    else
        say "starting dockerd in the background (target/dockerd.log)"
        # A session of its own, so that Ctrl-C in this terminal does not reach it.
        setsid nohup dockerd >target/dockerd.log 2>&1 </dev/null &
        pid=$!
        echo "$pid" >target/dockerd.pid
    fi
}

# Waiting for a dockerd that has stopped again is of no use.
answers_or_gone() { engine_answers || { [ -n "$pid" ] && ! kill -0 "$pid" 2>/dev/null; }; }

pid=
engine_answers && exit 0
[ "$ENGINE" = unix:///var/run/docker.sock ] || die "no Docker Engine answers at $ENGINE"
root || die "$(reason)"
have dockerd || die "no Docker Engine is installed; run scripts/install-deps.sh"
start
until_deadline $WAIT_S answers_or_gone || true
! engine_answers || exit 0
[ ! -f target/dockerd.log ] || tail -n 20 target/dockerd.log >&2
die "Docker did not start"
