#!/usr/bin/env python3
"""object_store.py DATA [HOST [PORT]]: one node of OpenStack Swift with its S3 interface.

It runs in an environment of its own, made of requirements-store.lock. AWS_ACCESS_KEY_ID, written
ACCOUNT:USER, and AWS_SECRET_ACCESS_KEY are those of its one user. Objects lie in DATA; the
settings, and so the secret, in a temporary folder that only its owner can read, and that goes when
the store ends. Its parts speak with each other by ports of 127.0.0.1 that ask for no secret: run it
in a container, or where nobody else has an account.
"""

import base64
import json
import os
import pwd
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from time import monotonic
from typing import Any

from swift.common.ring import RingBuilder

DEFAULTS = "127.0.0.1", "8333"
KINDS = ("account", "container", "object")
#: Modules of Swift, each the program of a process, and their settings.
PARTS = {
    "account.server": "account.conf",
    "container.server": "container.conf",
    "obj.server": "object.conf",
    "obj.updater": "object.conf",
    "proxy.server": "proxy.conf",
}
#: Some of them look for Swift's settings in /etc alone if not told before.
PROGRAM = """
import sys
sys.path.insert(0, {here!r})
from swift.common.utils import set_swift_dir
set_swift_dir({folder!r})
from swift.{part} import main
main()
"""
BACKEND = """\
[DEFAULT]
swift_dir = {folder}
user = {user}
devices = {data}/devices
mount_check = false
disable_fallocate = true
bind_ip = 127.0.0.1
bind_port = {port}
workers = 0
log_level = WARNING
recon_cache_path = {folder}
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
# An object is in the listing of its folder once it is written, however busy the machine is.
conn_timeout = 10
node_timeout = 60
container_update_timeout = 60
[object-updater]
interval = 5
"""
PROXY = """\
[DEFAULT]
swift_dir = {folder}
bind_ip = {host}
bind_port = {port}
workers = 0
log_level = WARNING
[pipeline:main]
pipeline = catch_errors healthcheck known s3api tempauth bulk slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
conn_timeout = 10
node_timeout = 60
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:known]
paste.filter_factory = object_store:remember
[filter:s3api]
use = egg:swift#s3api
[filter:tempauth]
use = egg:swift#tempauth
user64_{account}_{user} = {secret} .admin
[filter:bulk]
use = egg:swift#bulk
[filter:slo]
use = egg:swift#slo
"""


def main() -> None:
    """Run the store until it is told to end, or a part of it ends."""
    if not 2 <= len(sys.argv) <= 2 + len(DEFAULTS):
        sys.exit(__doc__)
    data, host, port = (*sys.argv[1:], *DEFAULTS[len(sys.argv) - 2 :])
    os.umask(0o077)
    Path(data, "devices", "d1").mkdir(parents=True, exist_ok=True)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    with tempfile.TemporaryDirectory(prefix="swift-") as name, ExitStack() as ends:
        configure(Path(name), Path(data).resolve(), host, port)
        parts = {part: start(part, Path(name, file), ends) for part, file in PARTS.items()}
        while all(process.poll() is None for process in parts.values()):
            time.sleep(0.5)
        sys.exit(f"{[part for part, process in parts.items() if process.poll()]} ended")


def configure(folder: Path, data: Path, host: str, port: str) -> None:
    """Write the settings, and the rings, which say that everything is on the one device."""
    prefix = data / "hash-prefix"  # by it Swift finds the objects again
    if not prefix.exists():
        prefix.write_text(secrets.token_hex(16))
    (folder / "swift.conf").write_text(
        f"[swift-hash]\nswift_hash_path_prefix = {prefix.read_text()}\n"
        "[storage-policy:0]\nname = only\ndefault = yes\n"
    )
    me = pwd.getpwuid(os.geteuid()).pw_name
    for kind, own in zip(KINDS, free_ports(len(KINDS)), strict=True):
        settings = BACKEND.format(folder=folder, data=data, port=own, kind=kind, user=me)
        (folder / f"{kind}.conf").write_text(settings)
        builder = RingBuilder(4, 1, 1)
        here = {"region": 1, "zone": 1, "ip": "127.0.0.1", "port": own, "device": "d1"}
        builder.add_dev({**here, "weight": 1.0})
        builder.rebalance()
        builder.get_ring().save(str(folder / f"{kind}.ring.gz"))
    account, user, secret = read_key()
    key = {"account": encode(account), "user": encode(user), "secret": secret}
    (folder / "proxy.conf").write_text(PROXY.format(folder=folder, host=host, port=port, **key))


def read_key() -> tuple[str, str, str]:
    """Account, user and secret; ends with one line if the environment does not name them."""
    name, secret = (
        os.environ.get(f"AWS_{part}", "") for part in ("ACCESS_KEY_ID", "SECRET_ACCESS_KEY")
    )
    account, _, user = name.partition(":")
    if not account or not user or ":" in user:
        sys.exit(
            f"Error: AWS_ACCESS_KEY_ID is '{name}': write ACCOUNT:USER, salary:mlflow for example"
        )
    if not secret or len(secret.split()) != 1:
        sys.exit("Error: AWS_SECRET_ACCESS_KEY is empty or holds blanks: choose another one")
    return account, user, secret


class Known:
    """What the proxy has learned of accounts and buckets: Swift's own would ask memcached.

    It is one process, and so may keep it. Without it, each request would ask for both anew.
    """

    def __init__(self) -> None:
        """Begin with nothing."""
        self._kept: dict[str, tuple[str, float]] = {}

    def get(self, key: str, **_: Any) -> Any:
        """What was kept, None if nothing is."""
        text, until = self._kept.get(key, ("null", 0))
        return json.loads(text) if monotonic() < until else None

    def set(self, key: str, value: Any, time: float = 60, **_: Any) -> None:
        """Keep something for so many seconds, and drop what was kept for long enough."""
        now = monotonic()
        self._kept = {name: kept for name, kept in self._kept.items() if now < kept[1]}
        self._kept[key] = json.dumps(value), monotonic() + time

    def delete(self, key: str, **_: Any) -> None:
        """Forget it."""
        self._kept.pop(key, None)


def remember(*_: Any, **__: Any) -> Callable[[Any], Any]:
    """Make the filter that gives the requests of the proxy what it knows."""
    known = Known()

    def add(app: Any) -> Any:
        def answer(env: dict[str, Any], start: Any) -> Any:
            env["swift.cache"] = known
            return app(env, start)

        return answer

    return add


def encode(text: str) -> str:
    """A name as Swift's settings may hold it, whatever its characters."""
    return base64.b64encode(text.encode()).decode().rstrip("=")


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody uses."""
    with ExitStack() as held:
        probes = [held.enter_context(socket.socket()) for _ in range(count)]
        for probe in probes:
            probe.bind(("127.0.0.1", 0))
        return [int(probe.getsockname()[1]) for probe in probes]


def start(part: str, settings: Path, ends: ExitStack) -> "subprocess.Popen[bytes]":
    """Start one of Swift's programs, which ends with the others."""
    here = str(Path(__file__).resolve().parent)
    program = PROGRAM.format(folder=str(settings.parent), part=part, here=here)
    process = subprocess.Popen([sys.executable, "-c", program, settings, "--verbose"])
    ends.callback(process.wait)
    ends.callback(process.terminate)
    return process


if __name__ == "__main__":
    main()
