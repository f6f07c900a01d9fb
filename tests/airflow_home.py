"""A real Airflow, in an environment of its own, for the DAGs of one project."""

import json
import sqlite3
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from environments import python_of
from support import Project, running, wait_until

#: Each task is a process that imports MLflow.
LONGEST_SECONDS = 900
READ_DAGS = """
import json, sys
from airflow.dag_processing.dagbag import DagBag

bag = DagBag(sys.argv[1])
dags = {
    name: {
        "schedule": dag.schedule,
        "folders": sorted({task.cwd for task in dag.tasks}),
        "needs": {task.task_id: sorted(task.upstream_task_ids) for task in dag.tasks},
    }
    for name, dag in bag.dags.items()
}
print(json.dumps({"problems": bag.import_errors | bag.captured_warnings, "dags": dags}))
"""


@dataclass(frozen=True)
class AirflowHome:
    """A folder with Airflow's settings, records and logs.

    Attributes:
        folder: The folder.
        project: Whose DAGs it has.
        port: Where its tasks report how they fare.
    """

    folder: Path
    project: Project
    port: int

    @property
    def environment(self) -> dict[str, str]:
        """The variables of all that belongs to it."""
        return {
            **self.project.environment,
            "AIRFLOW_HOME": str(self.folder),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_ARE_PAUSED_AT_CREATION": "False",
            "AIRFLOW__CORE__DAGS_FOLDER": str(self.project.root / "airflow_dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"http://127.0.0.1:{self.port}/execution/",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "3",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }

    def do(self, *arguments: str) -> str:
        """Run Airflow's Python, in another folder than the project's; gives what it printed."""
        done = subprocess.run(
            [python_of("airflow"), *arguments],
            cwd=self.folder,
            env=self.environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def read_dags(self, folder: str = "airflow_dags") -> dict[str, Any]:
        """Import the DAGs of a folder; gives `problems`, and what Airflow knows of each."""
        output = self.do("-c", READ_DAGS, str(self.project.root / folder))
        found: dict[str, Any] = json.loads(output.splitlines()[-1])
        return found

    @contextmanager
    def scheduler(self) -> Iterator[None]:
        """Run what starts tasks, as many at once as wait for nothing, and what they report to."""
        serve = ["api-server", "--host", "127.0.0.1", "--port", str(self.port)]
        programs = {"server": [*serve, "--apps", "execution"], "scheduler": ["scheduler"]}
        with ExitStack() as stack:
            for name, arguments in programs.items():
                (self.folder / name).mkdir()
                command = [str(python_of("airflow")), "-m", "airflow", *arguments]
                stack.enter_context(running(command, self.folder / name, self.environment))
            yield

    def run_dag(self, dag: str, runs: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """Run a DAG, several times at once, to the end.

        Args:
            dag: Its id.
            runs: Parameters of each run, by its name, as `kedro run --params` takes them.

        Returns:
            Of each run, by its tasks, how the task ended.
        """
        for run, parameters in runs.items():
            conf = json.dumps({"kedro_params": parameters})
            self.do("-m", "airflow", "dags", "trigger", dag, "--run-id", run, "--conf", conf)
        unfinished = "SELECT * FROM dag_run WHERE state IN ('queued', 'running')"
        try:
            wait_until(lambda: not self._ask(unfinished), f"{dag} to end", LONGEST_SECONDS)
        except AssertionError as error:
            logs = [path.read_text()[-3000:] for path in self.folder.glob("*/server.log")]
            raise AssertionError("\n".join([str(error), *logs])) from error
        tasks = "SELECT task_id, state FROM task_instance WHERE dag_id = ? AND run_id = ?"
        return {run: dict(self._ask(tasks, dag, run)) for run in runs}

    def _ask(self, query: str, *values: str) -> Sequence[Any]:
        with closing(sqlite3.connect(self.folder / "airflow.db", timeout=60)) as records:
            return records.execute(query, values).fetchall()
