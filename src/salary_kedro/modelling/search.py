"""Searches for the model, and its settings, of the lowest RMSE by cross-validation.

The search repeats itself to the digit, whenever it was interrupted: trials are asked for in
batches, each by a sampler that its number seeds, and told in their order. So whoever begins again,
and knows the scores of the first trials, asks for the same ones.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict

from salary_kedro.bundle.figures import figure
from salary_kedro.errors import UserError
from salary_kedro.modelling.names import ModelName
from salary_kedro.modelling.progress import PROGRESS
from salary_kedro.modelling.spaces import Candidates, Setting, Settings, Space

if TYPE_CHECKING:
    from optuna import Study
    from optuna.trial import Trial as Asked

#: Trials that are asked for before any of them is told.
BATCH = 4


class Entry(NamedTuple):
    """What enters a trial.

    Attributes:
        model: Name of the estimator.
        settings: Its settings, by their scikit-learn names.
    """

    model: ModelName
    settings: Settings


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Score(_Frozen):
    """How an entry did.

    Attributes:
        rmses: The RMSE of each fold, in the target's unit; none if one failed.
        seconds: How long fitting and predicting took, added up.
        problem: Why it failed; empty if it did not.
    """

    rmses: tuple[float, ...]
    seconds: float
    problem: str = ""

    @property
    def mean(self) -> float | None:
        """Mean of the RMSEs; None if there are none."""
        return float(np.mean(self.rmses)) if self.rmses else None

    @property
    def sd(self) -> float | None:
        """Their standard deviation (ddof 1); None if there are fewer than two."""
        return float(np.std(self.rmses, ddof=1)) if len(self.rmses) > 1 else None


class Trial(_Frozen):
    """One entry, and how it did.

    Attributes:
        number: Its number in the search, from 1.
        model: Name of the estimator.
        settings: Its settings.
        tuned: Whether the search has chosen settings; if not, they are those of a plain run.
        cv_rmse_mean: Mean RMSE of the folds, in the target's unit; None if it failed.
        cv_rmse_sd: Their standard deviation.
        seconds: How long fitting and predicting took, added up.
        problem: Why it failed; empty if it did not.
        run_id: The MLflow run that holds it; None if there is none yet.
    """

    number: int
    model: ModelName
    settings: Settings
    tuned: bool
    cv_rmse_mean: float | None
    cv_rmse_sd: float | None
    seconds: float
    problem: str = ""
    run_id: str | None = None

    @property
    def rank(self) -> tuple[float, int]:
        """What trials are ordered by: their RMSE, then which was first."""
        return (np.inf if self.cv_rmse_mean is None else self.cv_rmse_mean, self.number)


def first_of_each(trials: Iterable[Trial]) -> list[Trial]:
    """Of equal entries, which are scored once, the first."""
    first: dict[str, Trial] = {}
    for trial in trials:
        first.setdefault(repr((trial.model, sorted(trial.settings.items()))), trial)
    return [*first.values()]


class Search(_Frozen):
    """All trials of a tournament.

    Attributes:
        trials: In their order.
        ended_by: What ended it: the number of trials, or the time, that was allowed.
        rows: How many training rows there were.
        train_sha256: Fingerprint of these rows.
        asked_sha256: Fingerprint of all that was asked for; equal ones are equal searches.
        run_id: The MLflow run that holds it; None if there is none yet.
    """

    trials: tuple[Trial, ...]
    ended_by: Literal["trials", "seconds"]
    rows: int
    train_sha256: str = ""
    asked_sha256: str = ""
    run_id: str | None = None

    def refuse_others(self, train_sha256: str, asked_sha256: str) -> None:
        """Check that it is the search of these rows, and of what is asked for.

        Raises:
            UserError: If it is another one.
        """
        if (self.train_sha256, self.asked_sha256) != (train_sha256, asked_sha256):
            raise UserError(
                "the search is of other training rows or parameters: an earlier tournament was "
                "interrupted, or another one is held in this environment; run again from the node "
                "search_models, and give tournaments that are held at once a name each (SALARY_RUN)"
            )

    @property
    def ranked(self) -> tuple[Trial, ...]:
        """The trials, the best first and the failed last; of equal entries, the first."""
        return tuple(sorted(first_of_each(self.trials), key=lambda trial: trial.rank))

    @property
    def winner(self) -> Trial:
        """The best trial.

        Raises:
            UserError: If all have failed.
        """
        best = self.ranked[0]
        if best.cv_rmse_mean is None:
            raise UserError(f"no trial of the tournament has succeeded; the first: {best.problem}")
        return best

    @property
    def best_untuned(self) -> Trial | None:
        """The best of those that a plain run would train; None if all of them have failed."""
        found = [t for t in self.ranked if not t.tuned and t.cv_rmse_mean is not None]
        return found[0] if found else None


@dataclass(frozen=True)
class Plan:
    """What is to be searched.

    Attributes:
        candidates: By model, the values that its settings may take.
        base: By model, the settings that are not chosen.
        trials: How many trials there are at most.
        seconds: How long they may take, those of all workers at once; None for any time.
        workers: How many there are.
        seed: Decides on everything random.
        rows: How many training rows there are.
    """

    candidates: Candidates
    base: Mapping[ModelName, Settings]
    trials: int
    seconds: float | None
    workers: int
    seed: int
    rows: int

    @property
    def total(self) -> int:
        """How many trials there will be, unless the time is over before."""
        is_tuned = any(self.candidates.values())
        return self.trials if is_tuned else min(self.trials, len(self.candidates))

    def is_late(self, trials: Sequence[Trial]) -> bool:
        """Whether the time is over; a score that was known counts as when it was found."""
        taken = sum(trial.seconds for trial in first_of_each(trials)) / self.workers
        return self.seconds is not None and taken >= self.seconds


#: Gives the scores of entries, in their order.
Examine = Callable[[Sequence[Entry]], Iterable[Score]]


def run_search(plan: Plan, examine: Examine) -> Search:
    """Search; each candidate is tried as a plain run trains it first, then with chosen settings.

    Args:
        plan: What is to be searched.
        examine: Scores a batch of entries, anywhere.
    """
    sampler, trials = Sampler(plan), list[Trial]()
    while len(trials) < plan.total and not plan.is_late(trials):
        batch = sampler.ask(min(BATCH, plan.total - len(trials)))
        for question, score in zip(batch, examine([each.entry for each in batch]), strict=True):
            sampler.tell(question, score)
            trials.append(_trial(len(trials) + 1, question, score))
            _show(trials, plan)
    ended_by: Literal["trials", "seconds"] = "trials" if len(trials) == plan.total else "seconds"
    return Search(trials=tuple(trials), ended_by=ended_by, rows=plan.rows)


class Question(NamedTuple):
    """An entry, and Optuna's trial that has proposed it; None for an entry that is not tuned."""

    entry: Entry
    asked: "Asked | None"


class Sampler:
    """Proposes entries, and learns from their scores."""

    def __init__(self, plan: Plan) -> None:
        """Begin with nothing learned."""
        self._plan, self._study = plan, _new_study()
        self._untuned = [Entry(model, dict(plan.base.get(model, {}))) for model in plan.candidates]
        self._spaces = {model: space for model, space in plan.candidates.items() if space}
        self._batches = 0

    def ask(self, count: int) -> list[Question]:
        """Propose so many entries at most; those that are not tuned come first."""
        if self._untuned:
            first, self._untuned = self._untuned[:count], self._untuned[count:]
            return [Question(entry, None) for entry in first]
        self._batches += 1
        self._study.sampler = _new_sampler(self._plan.seed, self._batches)
        return [self._choose(self._study.ask()) for _ in range(count)]

    def _choose(self, asked: "Asked") -> Question:
        model: ModelName = asked.suggest_categorical("model", [*self._spaces])  # type: ignore[assignment]
        chosen = _suggest_all(asked, model, self._spaces[model])
        return Question(Entry(model, {**self._plan.base.get(model, {}), **chosen}), asked)

    def tell(self, question: Question, score: Score) -> None:
        """Learn how an entry did."""
        from optuna.trial import TrialState

        if question.asked is None:
            self._tell_untuned(question.entry.model, score)
        elif score.mean is None:
            self._study.tell(question.asked, state=TrialState.FAIL)
        else:
            self._study.tell(question.asked, score.mean)

    def _tell_untuned(self, model: ModelName, score: Score) -> None:
        """Which candidates do well without being tuned says where to search."""
        from optuna.distributions import BaseDistribution, CategoricalDistribution
        from optuna.trial import create_trial

        if model in self._spaces and score.mean is not None:
            among: BaseDistribution = CategoricalDistribution([*self._spaces])
            known = create_trial(
                params={"model": model}, distributions={"model": among}, value=score.mean
            )
            self._study.add_trial(known)


def _new_study() -> "Study":
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)  # a line for each trial is ours
    return optuna.create_study(direction="minimize")


def _new_sampler(seed: int, batch: int) -> Any:
    from optuna.samplers import TPESampler

    (number,) = np.random.SeedSequence([seed, batch]).generate_state(1)
    return TPESampler(seed=int(number), constant_liar=True)


def _suggest_all(asked: "Asked", model: str, space: Space) -> Settings:
    return {name: _suggest(asked, f"{model}.{name}", setting) for name, setting in space.items()}


def _suggest(asked: "Asked", name: str, setting: Setting) -> Any:
    if setting.choices is not None:
        return asked.suggest_categorical(name, setting.choices)
    low, high = setting.bounds
    if setting.is_whole:
        step = int(setting.step or 1)
        return asked.suggest_int(name, int(low), int(high), step=step, log=setting.log)
    return asked.suggest_float(name, low, high, step=setting.step, log=setting.log)


def _trial(number: int, question: Question, score: Score) -> Trial:
    return Trial(
        number=number,
        model=question.entry.model,
        settings=question.entry.settings,
        tuned=question.asked is not None,
        cv_rmse_mean=score.mean,
        cv_rmse_sd=score.sd,
        seconds=score.seconds,
        problem=score.problem,
    )


def _show(trials: Sequence[Trial], plan: Plan) -> None:
    """Tell how far the search is, and what is best so far."""
    best = min(trials, key=lambda trial: trial.rank)
    known = "-" if best.cv_rmse_mean is None else figure(best.cv_rmse_mean)
    note = f"{best.model}, RMSE {known}"
    PROGRESS.info(
        "trial %d of %d: %s; best %s",
        len(trials),
        plan.total,
        trials[-1].model,
        note,
        extra={"done": len(trials), "total": plan.total, "note": note},
    )
