"""Runs the tasks of DAGs that kedro-airflow has made, each in a process of its own.

Of Airflow such a file takes two decorators, which stand here, and its tasks the variables
that Airflow sets. Usage, in the project's folder: python -m airflow_stand_in DAG=RUN_ID ...
"""

import importlib.util
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

import bentoml  # noqa: F401 - imported once, since it takes seconds
import sklearn.model_selection  # noqa: F401 - likewise

import salary_kedro.pipeline_registry
import salary_kedro.settings  # noqa: F401 - likewise
from proofs.forks import Forked


@dataclass(eq=False)
class Task:
    """One task: what it does, and the tasks that must end before it."""

    name: str
    work: Callable[[], None]
    needs: set["Task"] = field(default_factory=set)

    def __rshift__(self, after: "Task") -> "Task":
        """Let another task wait for this one."""
        after.needs.add(self)
        return after


def read(path: str) -> list[Task]:
    """The tasks of a DAG file."""
    tasks: list[Task] = []

    def task(task_id: str) -> Any:
        def decorate(work: Callable[[], None]) -> Callable[[], Task]:
            def add() -> Task:
                tasks.append(Task(task_id, work))
                return tasks[-1]

            return add

        return decorate

    sdk: Any = ModuleType("airflow.sdk")
    sdk.task, sdk.dag = task, lambda **_: lambda function: function
    sys.modules.update({"airflow": ModuleType("airflow"), "airflow.sdk": sdk})
    spec = importlib.util.spec_from_file_location("dag", path)
    assert spec is not None
    assert spec.loader is not None
    spec.loader.exec_module(importlib.util.module_from_spec(spec))
    return tasks


def run(dags: Sequence[tuple[str, str]]) -> None:
    """Run DAGs side by side: of each, all tasks at once that wait for nothing any more."""
    waiting = {run_id: read(path) for path, run_id in dags}
    while any(waiting.values()):
        started = []
        for run_id, tasks in waiting.items():
            ready = [task for task in tasks if not task.needs & set(tasks)]
            started += [(task, run_id, Forked(_work, task.work, run_id)) for task in ready]
            waiting[run_id] = [task for task in tasks if task not in ready]
        for task, run_id, process in started:
            ended = process.end()
            if ended.exit_code != 0:
                raise SystemExit(f"{run_id} {task.name}: {ended.error}")
            print(run_id, task.name, ended.value, flush=True)  # noqa: T201 - for who started this


def _work(send: Callable[[Any], None], work: Callable[[], None], run_id: str) -> None:
    os.environ |= {"AIRFLOW_CTX_DAG_ID": "salary-kedro", "AIRFLOW_CTX_DAG_RUN_ID": run_id}
    sys.stdout = sys.stderr
    work()
    send(os.getpid())


if __name__ == "__main__":
    run([(path, run_id) for path, _, run_id in (text.partition("=") for text in sys.argv[1:])])
