#!/usr/bin/env bash
# `cat_file(path, 0, 4)` gives the first four bytes of a file, and on S3 all but the first four.
#
# Seen with fsspec 2026.9.0, s3fs 2026.9.0 and moto 5.2.5, Python 3.11. fsspec declares
# cat_file(path, start, end); s3fs has put version_id before both, so numbers given by position are
# taken for a version and a start. A version of 0 is no version, hence no error: a reader of ranges
# that works on local files gets other bytes from S3. What helps: name start and end.
set -euo pipefail
folder=$(mktemp -d)
trap 'kill %1 2>/dev/null || true; rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv seen-by
seen-by/bin/pip install --quiet --disable-pip-version-check \
    fsspec==2026.9.0 s3fs==2026.9.0 'moto[server]==5.2.5'
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
seen-by/bin/moto_server --host 127.0.0.1 --port "$port" >moto.log 2>&1 &
for _ in $(seq 100); do
    python3 -c "import socket; socket.create_connection(('127.0.0.1', $port)).close()" 2>/dev/null && break
    sleep 0.2
done
cat >look.py <<'PYTHON'
import sys

import fsspec

keys = {"key": "any", "secret": "any", "endpoint_url": f"http://127.0.0.1:{sys.argv[1]}"}
for url, options in (("file", {"auto_mkdir": True}), ("memory", {}), ("s3", keys)):
    system = fsspec.filesystem(url, **options)
    path = {"file": f"{sys.argv[2]}/bucket/a"}.get(url, "bucket/a")
    system.makedirs(path.rpartition("/")[0], exist_ok=True)
    system.pipe_file(path, b"0123456789")
    print(url, system.cat_file(path, 0, 4), system.cat_file(path, start=0, end=4))
PYTHON
seen-by/bin/python -W ignore look.py "$port" "$folder" >seen
cat >expected <<'TEXT'
file b'0123' b'0123'
memory b'0123' b'0123'
s3 b'456789' b'0123'
TEXT
diff expected seen
echo 'as described'
