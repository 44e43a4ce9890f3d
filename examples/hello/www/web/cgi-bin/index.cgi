#!/bin/sh
# The page of the published port: who serves it, which of the three back ends answered, and how
# often the page was seen.
# `timeout` and not wget's own -T, with which Debian's static busybox crashes.
ask() { timeout 2 wget -q -O - "http://$1/" 2>/dev/null || echo "no answer yet"; }

cat <<PAGE
Content-Type: text/html; charset=utf-8
Cache-Control: no-store

<!doctype html>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>Hello from Ranchette</title>
<style>
body { font: 1.1rem/1.6 system-ui, sans-serif; max-width: 34rem; margin: 4rem auto; padding: 0 1rem }
dt { color: #777 } dd { margin: 0 0 1rem; font-family: monospace }
</style>
<h1>Hello from Ranchette</h1>
<dl>
<dt>this page was served by</dt><dd>$(hostname)</dd>
<dt>one of three back ends</dt><dd>$(ask backend)</dd>
<dt>times seen, kept in a volume</dt><dd>$(ask counter)</dd>
</dl>
PAGE
