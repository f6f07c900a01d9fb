"""Worker processes: the same scores as here, with one thread each, gone when their parent is."""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from salary_kedro.errors import UserError
from salary_kedro.modelling import workers
from salary_kedro.modelling.examination import Examination, Task, examine_on, score_fold
from salary_kedro.modelling.folding import Splitting, fold_rows
from salary_kedro.modelling.search import Entry
from samples import default_contract
from support import ROOT, is_running, wait_until

ENTRIES = [Entry("ridge", {"alpha": 0.5}), Entry("decision_tree", {"max_depth": 3})]


def examination() -> Examination:
    import pandas as pd

    rows = pd.DataFrame(
        {
            "experience_years": [n % 11 + 0.5 for n in range(60)],
            "salary": [30_000.0 + 900 * (n % 11) + n for n in range(60)],
        }
    )
    splitting = Splitting(train_size=0.7, random_state=234)
    folding = fold_rows(rows, splitting, folds=3, repeats=1, random_state=234)
    return examine_on(rows, default_contract(), folding, 234)


@pytest.mark.process
def test_workers_when_they_score_then_give_what_this_process_does_in_order() -> None:
    given = examination()
    tasks = [Task(entry, fold) for entry in ENTRIES for fold in range(3)]

    with workers.worker_processes(given, 2) as score_all:
        found = [score.rmse for score in score_all(tasks)]

    assert found == [score_fold(given, task).rmse for task in tasks]
    assert None not in found


@pytest.mark.process
@pytest.mark.parametrize(
    ("count", "remedy"),
    [(1, r"narrow tournament\.candidates"), (2, r"lower tournament\.workers")],
)
def test_workers_when_one_is_killed_then_says_what_to_do(count: int, remedy: str) -> None:
    tasks = [Task(entry, fold) for entry in ENTRIES for fold in range(3)] * 50

    with workers.worker_processes(examination(), count) as score_all:
        scores = iter(score_all(tasks))
        next(scores)
        for child in spawned():
            child.kill()
        with pytest.raises(UserError, match=rf"{remedy} and run again"):
            list(scores)


@pytest.mark.process
def test_workers_when_interrupted_then_their_fits_are_not_waited_for() -> None:
    """Each of the fits would take minutes, and no thread fails of those that nobody waits for."""
    forest = Entry("random_forest", {"n_estimators": 1_000_000})
    tasks = [Task(Entry("ridge", {}), 0), *[Task(forest, 0)] * 30]
    children: list[psutil.Process] = []
    begun: list[float] = []

    def hold() -> None:
        with workers.worker_processes(examination(), 1) as score_all:
            next(iter(score_all(tasks)))
            children.extend(spawned())
            begun.append(time.monotonic())
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        hold()

    assert time.monotonic() - begun[0] < 30
    assert children
    assert not any(is_running(child.pid) for child in children)


def spawned() -> list[psutil.Process]:
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error):  # it ends just then
            if "spawn_main" in " ".join(child.cmdline()):
                found.append(child)
    return found


def test_workers_when_none_has_a_task_then_none_is_started() -> None:
    with workers.worker_processes(examination(), 2):
        pass


def test_threads_when_workers_are_gone_then_are_as_many_as_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.delenv("MKL_NUM_THREADS", raising=False)

    with workers.one_thread_each():
        assert {os.environ[name] for name in workers.THREADS} == {"1"}

    assert os.environ["OMP_NUM_THREADS"] == "7"
    assert "MKL_NUM_THREADS" not in os.environ


@pytest.mark.process
def test_workers_when_this_process_may_use_one_core_then_are_one() -> None:
    code = (
        "import os; os.sched_setaffinity(0, [min(os.sched_getaffinity(0))]);"
        "from salary_kedro.modelling.workers import count_workers;"
        "print(count_workers(None), count_workers(5))"
    )
    told = subprocess.check_output([sys.executable, "-c", code], text=True)

    assert told.split() == ["1", "5"]


#: Starts workers, says which they are, and waits.
PARENT = """
import sys, time
sys.path.insert(0, {tests!r})
sys.path.insert(0, {unit!r})
import psutil
from test_workers import ENTRIES, examination
from salary_kedro.modelling.examination import Task
from salary_kedro.modelling.workers import worker_processes
if __name__ == "__main__":
    with worker_processes(examination(), 2) as score_all:
        list(score_all([Task(entry, 0) for entry in ENTRIES]))
        print(*(child.pid for child in psutil.Process().children()), flush=True)
        time.sleep(600)
"""


@pytest.mark.process
def test_workers_when_their_parent_is_killed_then_end_too(tmp_path: Path) -> None:
    script = tmp_path / "parent.py"
    folders = {"tests": str(ROOT / "tests"), "unit": str(Path(__file__).parent)}
    script.write_text(PARENT.format(**folders))
    parent = subprocess.Popen([sys.executable, script], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    with parent.stdout:
        children = [int(pid) for pid in parent.stdout.readline().split()]

    parent.send_signal(signal.SIGKILL)
    parent.wait()

    assert len(children) >= 2
    wait_until(lambda: not any(map(is_running, children)), "the workers to end")
