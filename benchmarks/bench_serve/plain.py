"""The yardstick of a batch: JSON in, scikit-learn, the service's answer as JSON out, and no more.

As a program it does that once for each line of its standard input, and prints the seconds.
"""

import json
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import skops.io
from pandas import DataFrame


@dataclass(frozen=True)
class Plain:
    """A process that answers one and the same batch."""

    process: "subprocess.Popen[str]"

    def seconds(self) -> float:
        """How long it takes once."""
        go, told = self.process.stdin, self.process.stdout
        if go is None or told is None:
            raise TypeError("both are pipes")
        go.write("go\n")
        go.flush()
        return float(told.readline())


@contextmanager
def plain(
    model: Path, body: Path, answer: Path, cores: str, environment: Mapping[str, str]
) -> Iterator[Plain]:
    """Run the yardstick for a while.

    Args:
        model: The model's file.
        body: The batch, as the service takes it.
        answer: What the service answers.
        cores: Where it runs, as taskset takes it.
        environment: Its variables.
    """
    command = ["taskset", "-c", cores, sys.executable, __file__, *map(str, (model, body, answer))]
    process = subprocess.Popen(
        command,
        env=dict(environment),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    try:
        yield Plain(process)
    finally:
        process.kill()
        process.communicate()


def load_model(file: Path) -> Any:
    """The fitted Pipeline of a bundle, as anybody would load it who trusts it."""
    return skops.io.load(file, trusted=skops.io.get_untrusted_types(file=file))


def predict(model: Any, rows: list[dict[str, Any]]) -> list[float]:
    """The salaries of rows, by scikit-learn."""
    salaries: list[float] = model.predict(DataFrame(rows)).tolist()
    return salaries


def main() -> None:
    """Answer the batch again and again."""
    model, body, answer = load_model(Path(sys.argv[1])), *map(Path, sys.argv[2:])
    received, known = body.read_text(), json.loads(answer.read_text())
    for _ in sys.stdin:
        begun = time.perf_counter()
        salaries = predict(model, json.loads(received)["rows"])
        for each, salary in zip(known["predictions"], salaries, strict=True):
            each["salary"] = salary
        json.dumps(known).encode()
        sys.stdout.write(f"{time.perf_counter() - begun}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
