"""Hostile requests to a real service of two workers, and schemathesis over what it describes."""

import asyncio
import json
import random
import re
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from proofs.attacks import GOOD, KINDS, Attack, request, slow
from proofs.tally import Tally
from support import Project, copy_project, get, wait_until
from workers import workers_of

AT_ONCE, BLOCK = 16, 100
#: One request in so many is a slow one, which waits until the service has had enough.
SLOW_EVERY = 100
ANSWER_SECONDS = 25.0
#: Memory may be larger at the end than after the first fifth by that much.
GROWTH, GROWTH_BYTES = 1.05, 15_000_000
SALARY = 72861.25402208201


async def answer_of(host: str, port: int, sent: bytes) -> tuple[int, bytes]:
    """Send bytes as they are; gives status and body, status 0 if the connection is just closed.

    Raises:
        TimeoutError: if nothing comes back in time.
    """
    async with asyncio.timeout(ANSWER_SECONDS):
        reader, writer = await asyncio.open_connection(host, port)
        try:
            writer.write(sent)
            head = await reader.readuntil(b"\r\n\r\n")
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            body = await reader.readexactly(int(length[1])) if length else b""
            return int(head.split(b" ", 2)[1]), body
        except (asyncio.IncompleteReadError, ConnectionError):
            return 0, b""
        finally:
            writer.close()


async def judge(attack: Attack, host: str, port: int) -> str | None:
    """Try one attack; gives what the service did wrong."""
    try:
        status, body = await answer_of(host, port, attack.sent)
    except (TimeoutError, OSError) as error:
        return f"{attack.name}: {error!r} to {attack.sent[:200]!r}"
    if status not in attack.statuses:
        return f"{attack.name}: {status} {body[:200]!r} to {attack.sent[:200]!r}"
    if attack.parsed and status >= 400:
        return _shape_of(attack, body)
    return None


def _shape_of(attack: Attack, body: bytes) -> str | None:
    try:
        good = set(json.loads(body)["error"]) == {"code", "message", "details"}
    except (KeyError, TypeError, ValueError):
        good = False
    short = len(body) < 50_000
    return None if good and short else f"{attack.name}: an error of another shape, {body[:200]!r}"


async def good_one(host: str, port: int) -> str | None:
    """A good request; gives what was wrong with its answer."""
    try:
        status, body = await answer_of(host, port, request(GOOD))
    except (TimeoutError, OSError) as error:
        return f"a good request: {error!r}"
    good = status == 200 and abs(json.loads(body)["salary"] - SALARY) < 1e-6
    return None if good else f"a good request: {status} {body[:200]!r}"


async def storm(
    address: str, count: int, seed: int, memory: Callable[[], int], tell: Callable[[str], None]
) -> list[str]:
    """Send so many hostile requests, and a good one after each hundred."""
    host, port = urlsplit(address).hostname or "", urlsplit(address).port or 0
    chance, found = random.Random(seed), list[str]()
    waiting: list[asyncio.Task[str | None]] = []
    sizes: list[int] = []

    async def drip(attacks: list[Attack]) -> None:
        while attacks:
            if wrong := await judge(attacks.pop(), host, port):
                found.append(wrong)

    for begin in range(0, count, BLOCK):
        block = [chance.choice(KINDS)(chance) for _ in range(min(BLOCK, count - begin))]
        waiting += [
            asyncio.create_task(judge(slow(chance), host, port))
            for _ in range(len(block) // SLOW_EVERY)
        ]
        await asyncio.gather(*(drip(block) for _ in range(AT_ONCE)))
        found += filter(None, [await good_one(host, port)])
        sizes.append(memory())
        tell(f"{begin + BLOCK} of {count} hostile requests, {len(found)} violations")
    found += filter(None, await asyncio.gather(*waiting))
    return found + grown(sizes)


def grown(sizes: Sequence[int]) -> list[str]:
    """Whether memory, in bytes after each block, went on growing after the first fifth."""
    fifth = max(1, len(sizes) // 5)
    before, after = max(sizes[: 2 * fifth]), max(sizes[-fifth:])
    allowed = max(before * GROWTH, before + GROWTH_BYTES)
    return [] if after <= allowed else [f"memory grew from {before:,} to {after:,} bytes"]


def prove_hostile(
    folder: Path, count: int, examples: int, seed: int, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """Storm a real service of two workers, then let schemathesis try it."""
    project = copy_project(folder / "hostile")
    project.kedro_run()
    two = {"BENTOML_CONFIG_OPTIONS": "services.salary_prediction.workers=2"}
    with project.serve(**two) as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        wait_until(lambda: len(_workers(address)) == 2, "two workers")
        workers = _workers(address)
        found = asyncio.run(storm(address, count, seed, lambda: _memory(workers), tell))
        yield Tally("hostile requests, a good one after each hundred", count, found)
        found = _schemathesis(address, examples, seed, folder) + _failures(project)
        found += [] if _workers(address) == workers else ["a worker ended"]
        yield Tally("examples of schemathesis for each route", examples, found)


def _workers(address: str) -> set[int]:
    """The processes that serve."""
    port = urlsplit(address).port
    serving = [
        process
        for process in psutil.process_iter(["cmdline"])
        if {"serve", str(port)} <= set(process.info["cmdline"] or ())
    ]
    return {worker for each in serving for worker in workers_of(each)}


def _memory(workers: set[int]) -> int:
    return sum(psutil.Process(worker).memory_info().rss for worker in workers)


def _failures(project: Project) -> list[str]:
    """What the service's log tells of exceptions."""
    lines = (project.root / "server.log").read_text().splitlines()
    return [line[:500] for line in lines if "Traceback" in line or '"exception"' in line][:20]


def _schemathesis(address: str, examples: int, seed: int, folder: Path) -> list[str]:
    """Let schemathesis try all routes, with its notes in a folder; gives what it found."""
    program = "from schemathesis.cli import schemathesis; schemathesis()"
    options = {"checks": "all", "max-examples": examples, "seed": seed, "workers": 2}
    command = [sys.executable, "-c", program, "run", f"{address}/openapi.json", "--no-color"]
    command += [f"--{name}={value}" for name, value in options.items()]
    result = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    return [] if result.returncode == 0 else [f"{result.stdout[-6000:]}{result.stderr[-2000:]}"]
