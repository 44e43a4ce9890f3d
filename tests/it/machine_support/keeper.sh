# Makes a machine for one test and leaves nothing behind: a network namespace of its own with a cable
# to it, and users of its own. The test starts and stops the SSH server in it.
#
# The parent keeps a pipe to its input and never writes: this ends when the pipe is closed, which it is
# however the parent ends. Set by the parent:
#   DIR       scratch directory, removed at the end
#   NS        name of the namespace
#   CABLE     name of our end of the cable; the other end is called `eth0`
#   OURS      address of our end, e.g. 198.18.1.1/30
#   THEIRS    address of their end

stop() {
    trap '' TERM INT HUP
    for pid in $(ip netns pids "$NS"); do kill -KILL "$pid"; done
    ip link del "$CABLE"
    ip netns del "$NS"
    rm -rf "/etc/netns/$NS" "$DIR"
} >/dev/null 2>&1

trap 'stop; exit' TERM INT HUP
set -e
{
    # `ip netns exec` puts these in place of the machine's own.
    mkdir -p "/etc/netns/$NS" "$DIR/home" /run/sshd
    { cat /etc/passwd; echo "cow:x:61999:61999::$DIR/home:/bin/sh"; } >"/etc/netns/$NS/passwd"
    { cat /etc/group; echo "cow:x:61999:"; } >"/etc/netns/$NS/group"
    # The password is `grass`.
    (umask 077; echo 'root:*:19000:0:99999:7:::' >"/etc/netns/$NS/shadow")
    echo 'cow:$6$ranchette$YrUMwzjKogAw.gQQ02sAtrq9VceAKyUjCP9zwcEGokK9hIJ.tiy0wkHSS.4gSsAjXUT4rZt4kRFEa7fWRKNE30:19000:0:99999:7:::' >>"/etc/netns/$NS/shadow"
    ip netns add "$NS"
    ip link add "$CABLE" type veth peer name eth0 netns "$NS"
    ip addr add "$OURS" dev "$CABLE"
    ip link set "$CABLE" up
    ip -n "$NS" addr add "$THEIRS" dev eth0
    ip -n "$NS" link set eth0 up
    ip -n "$NS" link set lo up
    touch "$DIR/ready"
} >"$DIR/keeper.log" 2>&1
set +e
while read -r _; do :; done
stop
