#!/bin/sh
# Makes this machine a host: registers it with the server, then starts the agent with the key it is given.
set -eu

CATTLE_URL=@URL@
CATTLE_REGISTRATION_ACCESS_KEY=@ACCESS_KEY@
CATTLE_REGISTRATION_SECRET_KEY=@SECRET_KEY@
CATTLE_AGENT_IMAGE=@AGENT_IMAGE@
DETECTED_CATTLE_AGENT_IP=@AGENT_IP@
CATTLE_AGENT_IP=${CATTLE_AGENT_IP:-$DETECTED_CATTLE_AGENT_IP}
export CATTLE_URL CATTLE_REGISTRATION_ACCESS_KEY CATTLE_REGISTRATION_SECRET_KEY
export CATTLE_AGENT_IMAGE CATTLE_AGENT_IP

STATE=${CATTLE_STATE_DIR:-/var/lib/rancher/state}
TRIES=${CATTLE_REGISTRATION_TRIES:-60}

call() {
    curl -fsS -u "$CATTLE_REGISTRATION_ACCESS_KEY:$CATTLE_REGISTRATION_SECRET_KEY" "$@"
}

# The value of a text field of the first resource in an answer; slashes come escaped.
field() {
    sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p" | sed 's,\\/,/,g' | head -n 1
}

mkdir -p "$STATE"
if [ ! -s "$STATE/.registration_token" ]; then
    cat /proc/sys/kernel/random/uuid > "$STATE/.registration_token"
fi
KEY=$(cat "$STATE/.registration_token")

call -H 'Content-Type: application/json' -d "{\"key\":\"$KEY\"}" "$CATTLE_URL/register" > /dev/null
while :; do
    ANSWER=$(call "$CATTLE_URL/register?key=$KEY")
    CATTLE_ACCESS_KEY=$(printf %s "$ANSWER" | field accessKey)
    CATTLE_SECRET_KEY=$(printf %s "$ANSWER" | field secretKey)
    if [ -n "$CATTLE_ACCESS_KEY" ] && [ -n "$CATTLE_SECRET_KEY" ]; then
        break
    fi
    TRIES=$((TRIES - 1))
    if [ "$TRIES" -le 0 ]; then
        echo "the server has not finished the registration" >&2
        exit 1
    fi
    sleep 1
done
export CATTLE_ACCESS_KEY CATTLE_SECRET_KEY

if [ "${CATTLE_REGISTER_ONLY:-}" = true ]; then
    printf '%s %s\n' "$CATTLE_ACCESS_KEY" "$CATTLE_SECRET_KEY"
    exit 0
fi
docker rm -f rancher-agent > /dev/null 2>&1 || true
exec docker run -d --name rancher-agent --restart always --net host --pid host --privileged \
    -e CATTLE_URL -e CATTLE_ACCESS_KEY -e CATTLE_SECRET_KEY -e CATTLE_AGENT_IP -e CATTLE_HOST_LABELS \
    -e CATTLE_MEMORY_OVERRIDE -e CATTLE_MILLI_CPU_OVERRIDE -e CATTLE_LOCAL_STORAGE_MB_OVERRIDE \
    -v /var/run/docker.sock:/var/run/docker.sock -v /var/lib/rancher:/var/lib/rancher \
    "$CATTLE_AGENT_IMAGE" run
