"""The file of a tournament's scores."""

from pathlib import Path

import pytest

from salary_kedro.datasets import TrialScoresDataset
from salary_kedro.datasets.trial_scores import TrialScores
from salary_kedro.modelling.search import Entry, Score

ENTRY = Entry("ridge", {"alpha": 0.1 + 0.2})
SCORE = Score(rmses=(1 / 3, 2 / 3), seconds=0.7)
FAILED = Score(rmses=(), seconds=0.1, problem="ValueError: no")


def test_scores_when_put_then_another_reader_gets_them_to_the_last_digit(tmp_path: Path) -> None:
    path = tmp_path / "new" / "scores.jsonl"
    scores = TrialScores(path)
    scores.put("a", ENTRY, SCORE)

    assert (TrialScores(path).get("a"), TrialScores(path).get("b")) == (SCORE, None)
    assert scores.get("a") == SCORE


def test_scores_when_an_entry_has_failed_then_another_run_tries_it_again(tmp_path: Path) -> None:
    scores = TrialScores(tmp_path / "scores.jsonl")
    scores.put("a", ENTRY, FAILED)

    assert scores.get("a") == FAILED
    assert TrialScores(tmp_path / "scores.jsonl").get("a") is None


@pytest.mark.parametrize("kept", range(1, 168, 13))
def test_scores_when_a_write_was_cut_then_the_others_are_read_and_more_can_be_put(
    kept: int, tmp_path: Path
) -> None:
    path = tmp_path / "scores.jsonl"
    TrialScores(path).put("a", ENTRY, SCORE)
    whole = path.read_bytes()
    TrialScores(path).put("b", ENTRY, SCORE)
    path.write_bytes(path.read_bytes()[: len(whole) + kept])

    cut = TrialScores(path)
    cut.put("c", ENTRY, SCORE)
    found = TrialScores(path)

    assert len(whole) > kept
    assert (found.get("a"), found.get("b"), found.get("c")) == (SCORE, None, SCORE)


@pytest.mark.parametrize("line", ["", "3", "[]", '{"key": 1}', '{"key": "a", "score": {}}', "\xff"])
def test_scores_when_a_line_is_something_else_then_it_is_not_read(
    line: str, tmp_path: Path
) -> None:
    path = tmp_path / "scores.jsonl"
    path.write_bytes(line.encode("latin-1"))

    assert TrialScores(path).get("a") is None


def test_dataset_when_there_is_no_file_then_gives_scores_and_makes_none(tmp_path: Path) -> None:
    dataset = TrialScoresDataset(str(tmp_path / "scores.jsonl"))

    assert dataset.load().get("a") is None
    assert dataset.exists() is False
