"""CPU time of one `POST /predict`: the service of this checkout against that of another commit.

Each peer is a process of its own over the same model, packed as its code packs it, and answers the
same requests through its ASGI application, without a server or a network: their cost, the same for
both, would only hide a difference. A round is one burst of each, the order alternating; it gives
one ratio. CPU time, unlike wall time, hardly knows who else uses the machine.
"""

import argparse
import asyncio
import io
import json
import statistics
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parents[1]
REQUESTS = 200


def sources(commit: str, folder: Path) -> Path:
    """The package as a commit has it."""
    archive = subprocess.run(
        ["git", "archive", commit, "src"], cwd=PROJECT, check=True, capture_output=True
    )
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as files:
        files.extractall(folder, filter="data")
    return folder / "src"


class Peer:
    """A process that answers bursts of requests."""

    def __init__(self, package: Path, files: Path, bodies: Path) -> None:
        """Start it, and let it warm up."""
        self._process = subprocess.Popen(
            [sys.executable, __file__, "--serve", str(files), str(bodies)],
            env={"PYTHONPATH": str(package), "OMP_NUM_THREADS": "1"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.burst()

    def burst(self) -> float:
        """Seconds of CPU that one request takes, on average over a burst."""
        go, seconds = self._process.stdin, self._process.stdout
        if go is None or seconds is None:
            raise TypeError("both are pipes")
        go.write("go\n")
        go.flush()
        return float(seconds.readline())

    def end(self) -> None:
        """End it."""
        self._process.communicate()


def serve(files: Path, bodies: Path) -> None:
    """Answer a burst for each line of the standard input; what runs in a peer."""
    from salary_kedro.bundle import BundleStore, bundle
    from salary_kedro.serving.app import create_app
    from salary_kedro.serving.predictor import Predictor

    known = {path.name: path.read_bytes() for path in files.iterdir()}
    written = {"examples.json", "manifest.json", "signature.json"}
    name, packed = bundle.pack(
        "salaries", 1, {n: content for n, content in known.items() if n in bundle.VOUCHED - written}
    )
    with tempfile.TemporaryDirectory() as folder:
        store = BundleStore(Path(folder))
        store.write(name, packed)
        store.point_to(name)
        predictor = Predictor(store)
        predictor.refresh()
        app: Any = create_app(predictor)
        asyncio.run(_answer_bursts(app, json.loads(bodies.read_text())))


async def _answer_bursts(app: Any, bodies: list[dict[str, Any]]) -> None:
    requests = [_request(body) for body in bodies]
    for _ in sys.stdin:
        begun = time.process_time()
        for number in range(REQUESTS):
            await app(*requests[number % len(requests)]())
        sys.stdout.write(f"{(time.process_time() - begun) / REQUESTS}\n")
        sys.stdout.flush()


def _request(body: dict[str, Any]) -> Callable[[], tuple[Any, Any, Any]]:
    content = json.dumps(body).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(content))]

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": content, "more_body": False}

    async def send(message: dict[str, Any]) -> None:
        if message.get("status", 200) != 200:
            raise ValueError(f"refused: {message}")

    return lambda: (
        {"type": "http", "method": "POST", "path": "/predict", "headers": list(headers)},
        receive,
        send,
    )


def compare(base: str, files: Path, rounds: int) -> None:
    """Time both, and say how they compare."""
    examples = json.loads((files / "examples.json").read_text())["rows"]
    contract = json.loads((files / "contract.json").read_text())
    names = [each["name"] for each in contract["features"] if each["use"] == "feature"]
    with tempfile.TemporaryDirectory() as folder:
        bodies = Path(folder) / "bodies.json"
        bodies.write_text(json.dumps([dict(zip(names, row, strict=True)) for row in examples]))
        packages = sources(base, Path(folder)), PROJECT / "src"
        peers = [Peer(package, files, bodies) for package in packages]
        found = []
        for number in range(rounds):
            order = peers if number % 2 else peers[::-1]
            times = {peer: peer.burst() for peer in order}
            found.append([times[peer] for peer in peers])
        for peer in peers:
            peer.end()
    ratios = [ours / theirs for theirs, ours in found]
    theirs, ours = (1e6 * statistics.median(each) for each in zip(*found, strict=True))
    low, _, high = statistics.quantiles(ratios, n=4)
    sys.stdout.write(
        f"POST /predict: {base} {theirs:.1f} µs, this checkout {ours:.1f} µs of CPU; ratio "
        f"{statistics.median(ratios):.3f} (quartiles {low:.3f} to {high:.3f}, {rounds} rounds)\n"
    )


def main() -> None:
    """Run the benchmark, or be one of its peers."""
    parser = argparse.ArgumentParser(description=str(__doc__).splitlines()[0])
    parser.add_argument("--base", required=True, help="the commit to compare with")
    parser.add_argument("--bundle", type=Path, help="a bundle; by default the current one")
    parser.add_argument("--rounds", type=int, default=100)
    parser.add_argument("--serve", nargs=2, type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.serve:
        serve(*given.serve)
        return
    bundles = PROJECT / "data" / "06_models" / "bundles"
    folder = given.bundle or bundles / (bundles / "current").read_text().strip()
    compare(given.base, folder, given.rounds)


if __name__ == "__main__":
    main()
