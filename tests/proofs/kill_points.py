"""Kills lifecycle processes with -9 at registry calls, and looks at what they leave behind.

A point is a call of a scenario, before or after it. One process goes to the point and dies
there. Another looks at once, then runs the next command that writes, and looks again.
"""

import os
import random
import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from mlflow import MlflowClient

from proofs import forks
from proofs.calls import ALIAS_WRITE, TAG_WRITES, Moment, at, heard
from proofs.guarantee import Snapshot, check_at_any_time, check_decided, check_settled, look
from proofs.tally import Tally
from proofs.worlds import CHAMPION, Numbers, Site, World, populate
from salary_kedro.promotion.alignment import align
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from stores import age_history

BETTER, WORSE = 5.0, 9.0  # RMSEs of challengers
BEST, WORST = 2.0, 12.0  # of those that come after the crash
#: Share of the points that must lie between the alias and the last tag.
INSIDE_SHARE = 0.2
POINTS_A_START = 150

Scenario = Callable[[Site, Numbers], object]

SCENARIOS: dict[str, Scenario] = {
    "first promotion": lambda site, numbers: site.compete(CHAMPION),
    "better challenger": lambda site, numbers: site.compete(BETTER),
    "worse challenger": lambda site, numbers: site.compete(WORSE),
    "rollback": lambda site, numbers: roll_back(site.registry, "it drifts"),
    "by hand": lambda site, numbers: promote_by_hand(site.registry, numbers.other, "trust me"),
    "lost alias": lambda site, numbers: align(site.registry),
    "history of an earlier release": lambda site, numbers: align(site.registry),
}


@dataclass(frozen=True)
class Point:
    """Where a process is killed.

    Attributes:
        world: Where.
        scenario: What it was doing.
        start: Seed of the state it began with.
        call: Number of the registry call, from 1.
        moment: Before or after the call.
        name: The call.
        inside: Whether it lies between the alias and the last tag.
        sequel: The writing command that comes next.
    """

    world: World
    scenario: str
    start: int
    call: int
    moment: Moment
    name: str
    inside: bool
    sequel: str = "align"

    def __str__(self) -> str:
        where = f"{self.moment} call {self.call} ({self.name})"
        return f"{self.scenario} from start {self.start}, killed {where}, then {self.sequel}"


def prove_kill_points(
    world: World, count: int, seed: int, tell: Callable[[str], None] = print
) -> Tally:
    """Kill a process at each of so many points, spread evenly over all calls of all scenarios."""
    points = choose(list(survey(world, count, seed)), count, seed)
    violations = []
    for done, (point, ended) in enumerate(forks.run_each(_try_point, points), start=1):
        found = ended.value if ended.exit_code == 0 else [f"it could not be tried: {ended.error}"]
        violations += [f"{point}: {violation}" for violation in found]
        tell(f"{world.name}: {done} of {len(points)} kill points, {len(violations)} violations")
    inside = sum(point.inside for point in points)
    what = f"kill points, {world.name} ({inside} between alias and last tag)"
    return Tally(what, len(points), violations)


def survey(world: World, count: int, seed: int) -> Iterator[Point]:
    """All points of all scenarios, from enough starts."""
    starts = range(seed, seed + max(1, round(count / POINTS_A_START)))
    tasks = [(world, scenario, start) for scenario in SCENARIOS for start in starts]
    for (_, scenario, start), ended in forks.run_each(_count_calls, tasks):
        names = ended.value
        inside = _between(names)
        for call, name in enumerate(names, start=1):
            yield Point(world, scenario, start, call, "before", name, call - 1 in inside)
            yield Point(world, scenario, start, call, "after", name, call in inside)


def _between(names: Sequence[str]) -> range:
    """After how many calls the alias is written, but not yet the last tag."""
    if ALIAS_WRITE not in names:
        return range(0)
    tags = [call for call, name in enumerate(names, start=1) if name in TAG_WRITES]
    return range(names.index(ALIAS_WRITE) + 1, max(tags, default=0))


def choose(points: list[Point], count: int, seed: int) -> list[Point]:
    """Choose points evenly, enough of them between the alias and the last tag."""
    points.sort(key=lambda point: (point.scenario, point.start, point.call, point.moment))
    groups = [[point for point in points if point.inside is inside] for inside in (True, False)]
    first = round(count * max(INSIDE_SHARE, len(groups[0]) / len(points)))
    chosen = [*_evenly(groups[0], first), *_evenly(groups[1], count - first)]
    chance = random.Random(seed)
    sequels = ("align", "a better challenger", "a worse challenger")
    return [
        Point(**{**vars(point), "sequel": chance.choice(sequels)})
        for point in chance.sample(chosen, len(chosen))
    ]


def _evenly(points: Sequence[Point], count: int) -> list[Point]:
    return [points[position * len(points) // count] for position in range(count)]


def _count_calls(send: forks.Send, task: tuple[World, str, int]) -> None:
    world, scenario, start = task
    names: list[str] = []
    site = world.site(_site_seed(scenario, start))
    numbers, _ = _begin(site, scenario, start)
    with heard(lambda moment, name: names.append(name) if moment == "before" else None):
        SCENARIOS[scenario](site, numbers)
    send(names)
    world.leave(site)


def _site_seed(scenario: str, start: int) -> int:
    """Odd for half of the scenarios of a start."""
    return [*SCENARIOS].index(scenario) + start


def _begin(site: Site, scenario: str, start: int) -> tuple[Numbers, Snapshot]:
    """Prepare a site, and look: what this process has read decides how much it reads later."""
    return _prepare(site, scenario, start), look(site.registry)


def _prepare(site: Site, scenario: str, start: int) -> Numbers:
    if scenario == "first promotion":
        return Numbers(0, 0, 0)
    numbers = populate(site, start)
    if scenario == "lost alias":
        MlflowClient().delete_registered_model_alias(site.model_name, "production")
    elif scenario == "history of an earlier release":
        age_history(site.model_name)
    return numbers


def _try_point(send: forks.Send, point: Point) -> None:
    site = point.world.site(_site_seed(point.scenario, point.start))
    victim = forks.Forked(_die_there, site, point).end()
    if victim.exit_code == forks.KILLED:
        send(forks.run(_look_and_go_on, site.seen_from(1), point, victim.sent[0]).value)
    else:
        send([f"it ended with {victim.exit_code} instead of being killed. {victim.error}"])
    point.world.leave(site)


def _die_there(send: forks.Send, site: Site, point: Point) -> None:
    numbers, before = _begin(site, point.scenario, point.start)
    send(before)
    with heard(at(point.call, point.moment, lambda: os.kill(os.getpid(), signal.SIGKILL))):
        SCENARIOS[point.scenario](site, numbers)


def _look_and_go_on(send: forks.Send, site: Site, point: Point, before: Snapshot) -> None:
    killed = look(site.registry)
    found = list(check_at_any_time(before, killed, local=site.local))
    if point.sequel == "align":
        align(site.registry)
    else:
        site.compete(BEST if "better" in point.sequel else WORST)
    now = look(site.registry)
    found += check_at_any_time(killed, now, local=site.local)
    found += check_settled(now)
    if killed.alias is not None and killed.alias not in now.history.productions:
        found.append(f"version {killed.alias} was production when it was killed; no record says so")
    if point.sequel != "align":
        found += check_decided(now)
        found += _check_best_won(site, killed, now)
    send(found)


def _check_best_won(site: Site, killed: Snapshot, now: Snapshot) -> Iterator[str]:
    contestants = {*killed.waiting, max(now.stages)}
    if killed.alias is not None:
        contestants.add(killed.alias)
    best = min(map(site.rmse, contestants))
    if now.alias is None or site.rmse(now.alias) > best:
        yield f"version {now.alias} is production, though one of {contestants} has RMSE {best}"
