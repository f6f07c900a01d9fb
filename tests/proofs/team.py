"""Two people on two machines, each with a clone, on one MLflow server and one object store.

Their machines are network namespaces; nothing but the two servers is common to them, and each
speaks with both: MLflow keeps the records in PostgreSQL, and leaves the artifacts to its clients.
"""

import os
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from mlflow import MlflowClient

from machines import Machine, network, no_network
from proofs import forks
from proofs.guarantee import Snapshot, check_by_hand, check_decided, check_settled, look
from proofs.kill_points import prove_kill_points
from proofs.races import prove_races
from proofs.tally import Tally
from proofs.whole_runs import check_bundle
from proofs.worlds import Site, make_world
from salary_kedro.modelling.names import MODEL_NAMES
from servers import mlflow_server, no_postgresql, object_store, postgresql
from support import BIN, Project, copy_project

PEOPLE, RUNS_EACH, DEADLINE_SECONDS = 2, 2, 600
KILL_POINTS, RACES, ROUNDS = 500, 50, 5
#: What a decision may be told that another one has come before.
ANSWERS = ("overtaken", "is production already", "was never production")


@dataclass(frozen=True)
class Person:
    """Somebody with a clone of the project on a machine.

    Attributes:
        machine: The machine.
        project: The clone.
        environment: What names the servers, and opens them.
    """

    machine: Machine
    project: Project
    environment: Mapping[str, str]

    def starts(self, *arguments: str) -> subprocess.Popen[str]:
        """Begin a command in the team's environment."""
        command = [str(BIN / "kedro"), *arguments, "--env", "server"]
        return subprocess.Popen(
            self.machine.starting(command),
            cwd=self.project.root,
            env={**self.project.environment, **self.environment},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )


def no_team() -> str | None:
    """Why there can be no team here; None if there can."""
    return no_postgresql() or no_network()


@contextmanager
def team_servers(folder: Path) -> Iterator[tuple[list[Machine], dict[str, str]]]:
    """The people's machines, and what the environment of each holds; the servers have their own."""
    with ExitStack() as ends:
        server, *machines = ends.enter_context(network(1 + PEOPLE))
        database = ends.enter_context(postgresql())
        objects = ends.enter_context(object_store(folder / "objects", server))
        uri = ends.enter_context(
            mlflow_server(database, folder, objects=objects, proxied=False, machine=server)
        )
        yield machines, {**objects, "MLFLOW_TRACKING_URI": uri}


def prove_team(
    folder: Path, share: float, seed: int, tell: Callable[[str], None] = print
) -> Iterator[Tally]:
    """Kill points, races and whole runs, all of them on both machines."""
    with (
        tempfile.TemporaryDirectory(dir=folder) as place,
        team_servers(Path(place)) as (machines, environment),
        patch.dict(os.environ, environment),
    ):
        world = make_world(folder / "team", environment["MLFLOW_TRACKING_URI"], machines)
        yield prove_kill_points(world, max(1, round(KILL_POINTS * share)), seed, tell)
        yield prove_races(world, max(1, round(RACES * share)), seed, tell)
        rounds = range(max(1, round(ROUNDS * share)))
        yield _prove_people(folder, machines, environment, rounds, tell)


def _prove_people(
    folder: Path,
    machines: Sequence[Machine],
    environment: Mapping[str, str],
    rounds: range,
    tell: Callable[[str], None],
) -> Tally:
    violations = []
    for number in rounds:
        name = f"team-{number}"
        places = [folder / f"{name}-{machine.namespace}" for machine in machines]
        people = [
            Person(machine, _clone(place, name), environment)
            for machine, place in zip(machines, places, strict=True)
        ]
        site = Site(environment["MLFLOW_TRACKING_URI"], name, {}, machines=machines)
        violations += [f"round {number + 1}: {violation}" for violation in _round(people, site)]
        tell(f"{number + 1} of {len(rounds)} rounds of a team, {len(violations)} violations")
    runs = PEOPLE * RUNS_EACH
    return Tally(
        f"rounds of {runs} whole runs, promotion and rollback, 2 machines", len(rounds), violations
    )


def _clone(place: Path, model_name: str) -> Project:
    project = copy_project(place)
    settings = project.root / "conf" / "server" / "parameters.yml"
    settings.write_text(f"registry:\n  model_name: {model_name}\n")
    return project


def _round(people: Sequence[Person], site: Site) -> Iterator[str]:
    """Both train, then one promotes while the other rolls back; both follow what came of it."""
    yield from _ends(
        [
            people[i % PEOPLE].starts("run", f"--params=model={MODEL_NAMES[i]}")
            for i in range(PEOPLE * RUNS_EACH)
        ]
    )
    trained, best = forks.run(_look_for_best, site).value
    yield from _check(trained)
    if len(trained.stages) != PEOPLE * RUNS_EACH or trained.alias not in best:
        yield f"of versions {[*trained.stages]}, {trained.alias} is production; best is {best}"
    other = min(number for number in trained.stages if number != trained.alias)
    promotion = people[0].starts("models", "promote", str(other), "--reason", "trust me")
    rollback = people[1].starts("models", "rollback", "--reason", "it drifts", "--to", str(other))
    yield from _ends([promotion, rollback], *ANSWERS)
    yield from _ends([person.starts("models", "follow", "--once") for person in people])
    now, _ = forks.run(_look_for_best, site).value
    yield from [*_check(now), *check_by_hand(now, lambda number: float(number not in best))]
    for person in people:
        yield from check_bundle(person.project, now.alias, env="server")


def _check(now: Snapshot) -> list[str]:
    return [*check_settled(now), *check_decided(now)]


def _ends(commands: Sequence[subprocess.Popen[str]], *allowed: str) -> list[str]:
    """Wait for commands; what each says that failed, but for what it may say."""
    errors = []
    for command in commands:
        _, error = command.communicate(timeout=DEADLINE_SECONDS)
        if command.returncode and not any(answer in error for answer in allowed):
            errors.append(f"a command failed: {error.strip()[-300:]}")
    return errors


def _look_for_best(send: forks.Send, site: Site) -> None:
    """Send what the registry holds, and the versions of the lowest RMSE."""
    now = look(site.registry)
    client = MlflowClient()
    rmses = {
        number: client.get_run(site.registry.version(number).run_id).data.metrics["rmse"]
        for number in now.stages
    }
    send((now, [number for number, rmse in rmses.items() if rmse == min(rmses.values())]))
