"""The scores of a tournament's trials, so that whoever begins again goes on from them."""

import json
import os
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from salary_kedro.modelling.search import Entry, Score


class TrialScores:
    """A file with a line for each score, known by a key.

    A line is added by one write: who is killed leaves at most a part of it, which is not read.
    """

    def __init__(self, path: Path) -> None:
        """Read what is there; nothing need be."""
        self._path = path
        self._known = dict(self._read())

    def _read(self) -> Iterator[tuple[str, Score]]:
        if not self._path.is_file():
            return
        for line in self._path.read_bytes().splitlines():
            try:
                known = json.loads(line)
                yield known["key"], Score.model_validate(known["score"])
            except (ValueError, KeyError, TypeError, ValidationError):
                continue  # a part of a line

    def get(self, key: str) -> Score | None:
        """The score of a key; None if it is not known."""
        return self._known.get(key)

    def put(self, key: str, entry: Entry, score: Score) -> None:
        """Keep a score, as soon as it is known; a failure is kept for this run alone."""
        self._known[key] = score
        if not score.problem:
            self._append(key, entry, score)

    def _append(self, key: str, entry: Entry, score: Score) -> None:
        line = {"key": key, **entry._asdict(), "score": score.model_dump(mode="json")}
        self._path.parent.mkdir(parents=True, exist_ok=True)
        # What begins with the end of a line ends a part of one that was left.
        content = f"\n{json.dumps(line, allow_nan=False)}\n".encode()
        with self._path.open("ab", buffering=0) as file:
            file.write(content)
            os.fsync(file.fileno())
