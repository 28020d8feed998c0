#!/bin/sh
# Serve this folder over HTTP at PORT with whatever this machine has.
set -eu
cd "$(dirname "$0")"
if command -v python3 >/dev/null; then
	exec python3 -m http.server --bind 127.0.0.1 "$PORT"
elif command -v busybox >/dev/null; then
	exec busybox httpd -f -p "127.0.0.1:$PORT"
fi
echo "serve.sh: neither python3 nor busybox is installed" >&2
exit 1
