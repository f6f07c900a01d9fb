#!/usr/bin/env bash
# A request that offers another protocol reaches an application without its body.
#
# Seen with httptools 0.9.0, uvicorn 0.54.0, Python 3.11.
# Java's HttpClient, and `curl --http2`, offer HTTP/2 with each plain request by "Upgrade: h2c",
# POSTs among them. A server that knows no HTTP/2 must answer as if nothing had been offered, and
# by h11 uvicorn does. By httptools, its faster and usual reader, the body is skipped, the request
# taken for whole, and what follows on the connection lost; the application sees an empty body.
# It helps to choose --http h11, or to let a second parser go on where the first one stopped.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check uvicorn==0.54.0 httptools==0.9.0
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import socket
import threading
import time

import uvicorn

OFFER = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


async def app(scope, receive, send):
    """Tell how long the body was."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message.get("body", b""), message.get("more_body", False)
    told = b"%d bytes" % len(body)
    length = [(b"content-length", b"%d" % len(told))]
    await send({"type": "http.response.start", "status": 200, "headers": length})
    await send({"type": "http.response.body", "body": told})


for reader in ("h11", "httptools"):
    config = uvicorn.Config(app, port=0, http=reader, lifespan="off", log_level="critical")
    server = uvicorn.Server(config)
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.01)
    address = server.servers[0].sockets[0].getsockname()
    for name, offer in (("nothing", b""), ("h2c", OFFER)):
        with socket.create_connection(address) as client:
            head = b"POST / HTTP/1.1\r\nHost: x\r\n%sContent-Length: 5\r\n\r\n" % offer
            client.sendall(head + b"hello")
            got = b""
            while b" bytes" not in got:
                got += client.recv(1000)
            print(f"{reader}, {name} offered:", got.rpartition(b"\r\n")[2].decode())
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
h11, nothing offered: 5 bytes
h11, h2c offered: 5 bytes
httptools, nothing offered: 5 bytes
httptools, h2c offered: 0 bytes
EXPECTED
