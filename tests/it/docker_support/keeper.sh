# Runs a private dockerd, registries or both for one test process, and leaves nothing behind.
#
# The parent starts this with `setpriv --pdeathsig TERM`, so it ends with the parent, however that
# ends. Set by the parent:
#   DIR       scratch directory, removed at the end
#   BRIDGE    name of the bridge to make; empty: no dockerd, the tests use one that runs already
#   ADDRESS   address of the bridge, e.g. 172.31.250.1/24
#   POOL      where networks without a subnet come from, e.g. 10.213.0.0/16
# Its process is in `keeper.pid`; told to end by TERM, it has ended when DIR is gone.
# The registries run if open.yml is in DIR. A dockerd that ends while there is a file `away` in DIR is
# started again when that file is gone; until then there is a file `gone`.
#
# The bridge and the pool are dockerd's own, because another dockerd may use docker0 and its usual
# addresses on the same machine.

stopping=
docker_pid=
open_pid=
locked_pid=

stop() {
    trap '' TERM INT HUP
    stopping=yes
    if [ -n "$docker_pid" ]; then
        # Networks outlive dockerd unless they are removed through it.
        all=$(docker -H "unix://$DIR/docker.sock" ps -aq 2>/dev/null)
        [ -n "$all" ] && docker -H "unix://$DIR/docker.sock" rm -f $all
        docker -H "unix://$DIR/docker.sock" network prune -f
        kill -TERM "$docker_pid"
    fi
    kill -TERM "$open_pid" "$locked_pid"
} >/dev/null 2>&1

trap stop TERM INT HUP
echo $$ >"$DIR/keeper.pid"

if [ -f "$DIR/open.yml" ]; then
    docker-registry serve "$DIR/open.yml" >"$DIR/open.log" 2>&1 &
    open_pid=$!
    docker-registry serve "$DIR/locked.yml" >"$DIR/locked.log" 2>&1 &
    locked_pid=$!
fi

# A session of its own keeps Ctrl-C away from it, so that `stop` still finds it at work.
start_docker() {
    setsid dockerd --data-root "$DIR/data" --exec-root "$DIR/exec" --pidfile "$DIR/docker.pid" \
        --host "unix://$DIR/docker.sock" --bridge "$BRIDGE" \
        --default-address-pool "base=$POOL,size=24" --shutdown-timeout 2 \
        >>"$DIR/docker.log" 2>&1 &
    docker_pid=$!
}

if [ -n "$BRIDGE" ]; then
    {
        ip link add "$BRIDGE" type bridge
        ip addr add "$ADDRESS" dev "$BRIDGE"
        ip link set "$BRIDGE" up
    } >"$DIR/docker.log" 2>&1
    start_docker
fi

# `wait` also returns when a signal came in; then it has to be asked again.
ended() { while kill -0 "$1" 2>/dev/null; do wait "$1"; done; }

while [ -n "$docker_pid" ]; do
    ended "$docker_pid"
    [ -z "$stopping" ] && [ -e "$DIR/away" ] || break
    touch "$DIR/gone"
    while [ -e "$DIR/away" ] && [ -z "$stopping" ]; do sleep 0.1; done
    rm -f "$DIR/gone"
    [ -n "$stopping" ] || start_docker
done
for pid in $open_pid $locked_pid; do ended "$pid"; done

if [ -n "$BRIDGE" ]; then
    ip link del "$BRIDGE"
    for table in filter nat; do
        iptables -t "$table" -S | grep -w -- "$BRIDGE" | sed 's/^-A/-D/' | while read -r rule; do
            # Unquoted on purpose: the rule is several words.
            iptables -t "$table" $rule
        done
    done
    grep -o "$DIR/[^ ]*" /proc/mounts | while read -r mount; do umount -l "$mount"; done
fi 2>/dev/null
rm -rf "$DIR"
