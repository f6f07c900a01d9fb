"""Eight processes that promote at the same moment, with and without a person among them."""

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.synchronize import Barrier

from proofs import forks
from proofs.guarantee import (
    Snapshot,
    check_at_any_time,
    check_by_hand,
    check_decided,
    check_settled,
    look,
)
from proofs.tally import Tally
from proofs.worlds import CHAMPION, FORMER, RMSES, Numbers, Site, World, populate
from salary_kedro.errors import UserError
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back

RACERS = 8
DEADLINE_SECONDS = 180
VERDICTS = {"promotion": "promote", "archiving": "archive"}
BY_HAND = ("rollback", "promotion by hand")


@dataclass(frozen=True)
class Round:
    """One race.

    Attributes:
        world: Where.
        seed: Decides on the start, on the challengers and on the person.
    """

    world: World
    seed: int

    @property
    def by_hand(self) -> str | None:
        """What a person does meanwhile; None in every other round."""
        return BY_HAND[self.seed // 2 % 2] if self.seed % 2 else None

    @property
    def empty(self) -> bool:
        """Whether nothing was registered before."""
        return self.by_hand is None and self.seed % 4 == 0

    def __str__(self) -> str:
        return f"race of seed {self.seed} ({self.by_hand or 'nobody'} by hand)"


@dataclass(frozen=True)
class Report:
    """What a promoter says about its version.

    Attributes:
        version: The version.
        rmse: Its RMSE.
        action: The verdict; None if it was told that something else happened meanwhile.
    """

    version: int
    rmse: float
    action: str | None


def prove_races(world: World, count: int, seed: int, tell: Callable[[str], None] = print) -> Tally:
    """Hold so many rounds of eight racing promoters."""
    violations: list[str] = []
    for done, position in enumerate(range(seed, seed + count), start=1):
        race = Round(world, position)
        violations += [f"{race}: {violation}" for violation in hold(race)]
        tell(f"{world.name}: {done} of {count} races, {len(violations)} violations")
    return Tally(f"races of {RACERS}, {world.name}", count, violations)


def hold(race: Round) -> list[str]:
    """Hold one round; gives what was broken."""
    site = race.world.site(race.seed // 4)
    chance = random.Random(race.seed)
    numbers, before = forks.run(_begin, site, race).value
    rmses = chance.sample([rmse for rmse in RMSES if rmse not in (CHAMPION, FORMER)], RACERS)
    if race.by_hand:
        rmses.pop()
    barrier = forks.FORK.Barrier(RACERS)
    racers = [
        forks.Forked(_promote, site.seen_from(position), barrier, rmse)
        for position, rmse in enumerate(rmses)
    ]
    if race.by_hand:
        place = site.seen_from(len(rmses))
        racers.append(forks.Forked(_decide, place, barrier, race.by_hand, numbers))
    ends = [racer.end(DEADLINE_SECONDS) for racer in racers]
    if broken := [end.error or f"ended with {end.exit_code}" for end in ends if end.exit_code]:
        return broken
    if any(end.exit_code is None for end in ends):
        return [f"not all ended within {DEADLINE_SECONDS} s"]
    reports = [end.value for end in ends[: len(rmses)]]
    found: list[str] = forks.run(_check, site, race, before, reports).value
    race.world.leave(site)
    return found


def _begin(send: forks.Send, site: Site, race: Round) -> None:
    numbers = Numbers(0, 0, 0) if race.empty else populate(site, race.seed)
    send((numbers, look(site.registry)))


def _promote(send: forks.Send, site: Site, barrier: Barrier, rmse: float) -> None:
    look(site.registry)  # opens the store
    barrier.wait()
    verdict = site.compete(rmse)
    send(Report(verdict.evidence.challenger.version, rmse, verdict.action))


def _decide(send: forks.Send, site: Site, barrier: Barrier, by_hand: str, numbers: Numbers) -> None:
    look(site.registry)
    barrier.wait()
    try:
        if by_hand == "rollback":
            roll_back(site.registry, "it drifts", to=numbers.former)
        else:
            promote_by_hand(site.registry, numbers.other, "trust me")
    except UserError as error:
        if "overtaken" not in str(error):  # by somebody who knew of it
            raise


def _check(
    send: forks.Send, site: Site, race: Round, before: Snapshot, reports: list[Report]
) -> None:
    now = look(site.registry)
    found = [
        *check_at_any_time(before, now, local=site.local),
        *check_settled(now),
        *check_decided(now),
        *_check_verdicts(now, reports),
        *_check_movers(now),
    ]
    if race.by_hand:
        found += check_by_hand(now, site.rmse)
    else:
        contestants = [report.version for report in reports] + before.waiting
        if before.alias is not None:
            contestants.append(before.alias)
        best = min(contestants, key=site.rmse)
        if now.alias is None or site.rmse(now.alias) > site.rmse(best):
            found.append(f"version {now.alias} is production; the best is version {best}")
    if found:
        found.append(now.story)
    send(found)


def _check_movers(now: Snapshot) -> Iterator[str]:
    """Nobody moves the alias by hand in a race, so no record may say so."""
    if "alias by hand" in {record.action for record in now.history}:
        yield "the history says that the alias was moved by hand, and nobody did"


def _check_verdicts(now: Snapshot, reports: list[Report]) -> Iterator[str]:
    """Every version was decided on, and its promoter reports what the history holds."""
    for report in reports:
        given = [
            record.evidence["action"]
            for record in now.history.done
            if record.version == report.version and record.evidence is not None
        ]
        if not given:
            yield f"no record decides on version {report.version}"
        elif given[-1] != report.action:
            yield f"version {report.version}: reported {report.action}, but recorded {given}"
