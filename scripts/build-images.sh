#!/usr/bin/env bash
# Builds the image of examples/hello on the spot, from this machine's static busybox: no registry.
cd "$(dirname "$0")/.." && . scripts/lib.sh

folder=examples/hello
rootfs=$(mktemp -d)
trap 'rm -rf "$rootfs"' EXIT

busybox=$(command -v busybox) || die "busybox is missing; run scripts/install-deps.sh"
mkdir -p "$rootfs"/{bin,data,etc,proc,sys,tmp}
cp "$busybox" "$rootfs/bin/busybox"
for applet in $("$busybox" --list); do
    [ "$applet" = busybox ] || ln -s busybox "$rootfs/bin/$applet"
done
echo 'root:x:0:0:root:/:/bin/sh' >"$rootfs/etc/passwd"
echo 'root:x:0:' >"$rootfs/etc/group"

# The same bytes for the same busybox, so that Docker's build cache finds them again.
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -C "$rootfs" -cf "$folder/rootfs.tar" .
docker -H "$ENGINE" build --tag ranchette/hello:latest "$folder" >target/images.log 2>&1 ||
    { cat target/images.log >&2; die "building ranchette/hello failed"; }
