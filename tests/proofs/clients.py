"""Connections that ask for predictions all the time: `python -m proofs.clients ADDRESS … FILE`.

A program of its own, so that neither its memory nor its pauses are taken for the server's.
It judges nothing: it writes down when it asked what, and what came of it. It asks for so many
seconds, or until a file exists. The file that it writes is there, empty, once all have an answer.
"""

import asyncio
import json
import math
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx

PAUSE_SECONDS = 0.02


async def _ask(client: httpx.AsyncClient, years: float) -> tuple[int | str, Any, Any]:
    try:
        answer = await client.post("/predict", json={"experience_years": years})
        body = answer.json()
    except httpx.ConnectError as error:
        await asyncio.sleep(PAUSE_SECONDS)  # nobody is there: not ten thousand times a second
        return repr(error), None, None
    except Exception as error:  # noqa: BLE001 - whatever it is, it is a request that failed
        return repr(error), None, None
    if answer.status_code != 200:
        return answer.status_code, body, None
    return 200, body["model_version"], body["salary"]


async def _connection(
    address: str,
    rows: Sequence[float],
    place: int,
    goes_on: Callable[[], bool],
    answered: Callable[[int], None],
) -> list[list[Any]]:
    found: list[list[Any]] = []
    async with httpx.AsyncClient(base_url=address, timeout=30) as client:
        while goes_on():
            begun = time.monotonic()
            row = (place + len(found)) % len(rows)
            result = await _ask(client, rows[row])
            found.append([begun, time.monotonic(), row, *result])
            if result[0] == 200:
                answered(place)
    return found


async def _all(
    address: str, rows: Sequence[float], count: int, until: str, file: Path
) -> list[Any]:
    end = time.monotonic() + float(until) if until.replace(".", "").isdigit() else math.inf

    def goes_on() -> bool:
        return time.monotonic() < end if end < math.inf else not Path(until).exists()

    waiting = set(range(count))

    def answered(place: int) -> None:
        if waiting == {place}:
            file.touch()
        waiting.discard(place)

    connections = (_connection(address, rows, place, goes_on, answered) for place in range(count))
    return await asyncio.gather(*connections)


def main() -> None:
    """Ask over so many connections for so long; write a JSON list of what came of it."""
    address, count, until, rows, file = sys.argv[1:]
    found = asyncio.run(_all(address, json.loads(rows), int(count), until, Path(file)))
    Path(file).write_text(json.dumps([answer for answers in found for answer in answers]))


if __name__ == "__main__":
    main()
