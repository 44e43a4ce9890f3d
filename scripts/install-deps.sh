#!/usr/bin/env bash
# Installs what is missing: `install-deps.sh run` for building and running, `install-deps.sh test`
# for everything the tests use besides. As root on Debian it installs; otherwise it says what to.
cd "$(dirname "$0")/.." && . scripts/lib.sh

what=${1:-run}
case $what in run | test) ;; *) die "usage: scripts/install-deps.sh [run|test]" ;; esac

RUST=1.92 # rust-version of Cargo.toml
missing=()

need() { # need PACKAGE CHECK..: remembers the package when the check fails
    local package=$1
    shift
    "$@" >/dev/null 2>&1 || missing+=("$package")
}

static_busybox() { have busybox && ! ldd "$(command -v busybox)"; }
c_library() { [ -n "$(find /usr/include /usr/local/include -name stdio.h -print -quit)" ]; }
dockerd_or_engine() { have docker && { have dockerd || engine_answers; }; }

packages() {
    need gcc have cc
    need libc6-dev c_library
    need ca-certificates test -s /etc/ssl/certs/ca-certificates.crt
    need docker.io dockerd_or_engine
    need iptables have iptables
    need nftables have nft
    need busybox-static static_busybox
    if [ "$what" = test ]; then
        need git have git
        need python3-venv python3 -c 'import venv, ensurepip'
        need chromium have chromium
        need chromium-driver have chromedriver
        need docker-registry have docker-registry
        need haproxy have haproxy
        need openssl have openssl
        need pebble have pebble
        need openssh-server have sshd
        need openssh-client have ssh-keygen
        need iproute2 have ip
    fi
}

rust() {
    have cargo || die "cargo is missing; install Rust $RUST or newer from https://rustup.rs"
    local version
    version=$(rustc --version | cut -d' ' -f2)
    [ "$(printf '%s\n%s\n' "$RUST" "$version" | sort -V | head -n1)" = "$RUST" ] ||
        die "Rust $version is too old; \`rustup update\` brings the $RUST or newer that is needed"
    if [ "$what" = test ]; then
        cargo fmt --version >/dev/null 2>&1 || die "rustfmt is missing; \`rustup component add rustfmt\`"
    fi
}

idle() { # idle PACKAGE SERVICE: stops what has just been installed for the tests
    case " ${missing[*]} " in *" $1 "*)
        [ ! -d /run/systemd/system ] || systemctl disable --now --quiet "$2" || true ;;
    esac
}

install() {
    local command="apt-get install -y --no-install-recommends ${missing[*]}"
    have apt-get || die "please install (Debian's names): ${missing[*]}"
    root || die "please run: sudo $command"
    say "installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -qq
    $command -qq >target/apt.log 2>&1 || { tail -n 20 target/apt.log >&2; die "apt-get failed (target/apt.log)"; }
    # The tests start servers of their own; Debian's packages would keep others running for ever.
    idle docker-registry docker-registry
    idle haproxy haproxy
    idle openssh-server ssh
}

# The real client of Rancher 1.6, in an environment of its own, in pinned versions.
python_client() {
    local stamp=target/venv/requirements.txt
    ! cmp -s tests/requirements.txt "$stamp" || return 0
    say "installing the cattle client into target/venv"
    rm -rf target/venv
    python3 -m venv target/venv
    target/venv/bin/pip install --disable-pip-version-check -r tests/requirements.txt >target/pip.log 2>&1 ||
        { tail -n 20 target/pip.log >&2; die "pip failed (target/pip.log)"; }
    cp tests/requirements.txt "$stamp"
}

rust
packages
[ ${#missing[@]} = 0 ] || install
[ "$what" != test ] || python_client
