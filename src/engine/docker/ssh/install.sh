# Installs Docker on a Debian machine and lets the user use it, and nftables for network policies. Runs
# as any user who is root or may use sudo without a password. May run twice.
set -eu

if [ ! -r /etc/debian_version ]; then
    echo "only Debian and its relatives are known; install Docker by hand" >&2
    exit 1
fi
as_root=
if [ "$(id -u)" != 0 ]; then
    as_root="sudo -n"
    $as_root true
fi
$as_root apt-get update -q
$as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends docker.io nftables
if [ "$(id -u)" != 0 ]; then
    $as_root usermod -aG docker "$(id -un)"
fi
if [ -d /run/systemd/system ]; then
    $as_root systemctl enable --now docker
elif [ ! -S /var/run/docker.sock ]; then
    $as_root service docker start
fi
