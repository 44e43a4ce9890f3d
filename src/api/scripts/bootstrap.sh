#!/bin/sh
# What an agent runs first: makes sure that its key is good, then starts the program it was given.
set -eu

: "${CATTLE_URL:?the URL of the server is needed}"
: "${CATTLE_ACCESS_KEY:?the access key of the agent is needed}"
: "${CATTLE_SECRET_KEY:?the secret key of the agent is needed}"

if ! curl -fsS -o /dev/null -u "$CATTLE_ACCESS_KEY:$CATTLE_SECRET_KEY" "$CATTLE_URL/schemas"; then
    echo "the server does not accept the agent's key" >&2
    exit 1
fi
if [ "$#" -gt 0 ]; then
    exec "$@"
fi
