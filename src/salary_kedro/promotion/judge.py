"""Scores versions on one holdout and judges them by one policy."""

import math
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import NamedTuple, Protocol

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from salary_kedro.bundle.figures import figure
from salary_kedro.bundle.limits import MODEL
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.report import Coverage
from salary_kedro.errors import UserError
from salary_kedro.modelling.baseline import BASELINES
from salary_kedro.modelling.clusters import effective_rows
from salary_kedro.modelling.comparison import Errors, gain_interval, rmse
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.modelling.intervals import coverage
from salary_kedro.partitions.cluster import ClusterError
from salary_kedro.promotion.logged import find_form, read_calibration, read_contract, read_report
from salary_kedro.promotion.verdict import (
    SHOWN_CONFIDENCE,
    Contestant,
    Evidence,
    Gap,
    Interval,
    Policy,
    SplitName,
    Verdict,
    conclude,
    decide,
)
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Version
from salary_kedro.tables.frames import encoded_columns
from salary_kedro.tables.trained_rows import MOST_BYTES, TRAINED_ROWS, Header, RowPrints

MAX_ERROR = 300
Rows = NDArray[np.bool_]


class UnscorableError(UserError):
    """A version that cannot be scored on today's rows."""


class OtherFieldsError(UnscorableError):
    """A version whose contract names fields that today's rows do not have."""


class Seen(NamedTuple):
    """Which holdout rows a version was trained on.

    Attributes:
        rows: Whether each was, shape (holdout rows,); none of them if that is unknown.
        unknown: Why it is; None if it is known, or was not asked.
        knows_groups: Whether rows of groups of which it was trained on others are among them, where
            the rows are split by groups.
    """

    rows: Rows
    unknown: str | None
    knows_groups: bool = True


class Prints(Protocol):
    """Fingerprints of the holdout rows, wherever these are; see `RowPrints`."""

    @property
    def header(self) -> Header:
        """What they are of, and by which secret."""

    def among(self, trained: RowPrints) -> Rows:
        """Tell of each row whether it is among others."""

    def knows_groups_of(self, trained: RowPrints) -> bool:
        """Tell whether it can be told which groups are among others."""


class Judge:
    """Scores versions on the same rows, each through its logged model and contract."""

    def __init__(
        self,
        registry: Registry,
        holdout: pd.DataFrame,
        policy: Policy,
        weights: Errors | None = None,
        prints: Prints | None = None,
        split: SplitName | None = None,
        clusters: NDArray[np.intp] | None = None,
    ) -> None:
        """Take the rows that every version is scored on.

        Args:
            registry: Where the versions are.
            holdout: Clean rows that the challenger was not trained on. A champion that
                was trained on another table or split may have seen some of them.
            policy: What a challenger must achieve.
            weights: How many people each row stands for, by today's contract, for all
                versions alike; None if all are one.
            prints: Fingerprints of the rows, by which is found what a version was trained on;
                None to ask for nothing of the kind.
            split: How the rows were split; None if that is unknown.
            clusters: Which rows belong together, `clusters.clusters_of`.

        Raises:
            UserError: If there are no rows.
        """
        if holdout.empty:
            raise UserError(
                "there are no holdout rows to compare versions on: lower "
                "data_engineering.train_size, or give more data"
            )
        self._registry, self._holdout, self.policy = registry, holdout, policy
        self._weights, self._clusters = weights, clusters
        self._prints, self._split = prints, split
        self._errors: dict[int, Errors] = {}
        self._seen: dict[int, Seen] = {}
        #: Versions whose exact form cannot predict here: why, and what is known of their arrays.
        self._by_arrays: dict[int, str] = {}

    def judge(self, challenger: Version, champion: Version | None) -> Verdict:
        """Judge a challenger against production, on the same rows.

        Raises:
            UserError: If the champion cannot score these rows, unless the policy lets it
                be replaced.
            UnscorableError: If the challenger cannot.
        """
        other, trouble = None, None
        if champion is not None:
            other, trouble = self._champion(champion)
        own = self._contestant(challenger)
        if champion is None or other is None or trouble or own.version not in self._errors:
            evidence = Evidence(
                challenger=own,
                champion=other,
                holdout_rows=len(self._holdout),
                coverage=self._coverage(challenger),
                largest_gap=self._largest_gap(own),
                champion_error=trouble,
            )
            return decide(evidence, self.policy)
        return decide(self._compared(other, champion, own, challenger), self.policy)

    def _compared(
        self, other: Contestant, champion: Version, own: Contestant, challenger: Version
    ) -> Evidence:
        """The evidence of two that were scored: on the rows that neither has seen, if enough."""
        seen = self._seen_by(champion), self._seen_by(challenger)
        unseen = np.logical_and(~seen[0].rows, ~seen[1].rows)
        is_enough = self.policy.enough_unseen <= unseen.sum() < len(unseen)
        told = [
            self._told(who, which, unseen) for who, which in zip((other, own), seen, strict=True)
        ]
        return Evidence(
            champion=told[0],
            challenger=told[1],
            holdout_rows=len(unseen),
            gain=self._gain(other, own, unseen if is_enough else np.ones_like(unseen)),
            coverage=self._coverage(challenger),
            largest_gap=self._largest_gap(own),
            unseen_rows=None if self._prints is None else int(unseen.sum()),
            rests_on="unseen" if is_enough else "all",
            split=self._split,
            overlap_unknown=seen[0].unknown or seen[1].unknown,
            group=None if self._prints is None else self._prints.header.group,
            group_unknown=tuple(
                who.version
                for who, which in zip((other, own), seen, strict=True)
                if not (which.knows_groups or which.unknown)
            ),
        )

    def _told(self, who: Contestant, seen: Seen, unseen: Rows) -> Contestant:
        """A contestant, with what is known of the rows that it was trained on."""
        if self._prints is None or not unseen.any():
            found = None
        else:
            weights = None if self._weights is None else self._weights[unseen]
            found = float(rmse(self.errors(who.version)[unseen], weights=weights))
        count = None if self._prints is None or seen.unknown else int(seen.rows.sum())
        return who.model_copy(update={"seen_rows": count, "unseen_rmse": found})

    def _seen_by(self, version: Version) -> Seen:
        """On which holdout rows a version was trained, by the fingerprints of its run."""
        if version.number not in self._seen:
            self._seen[version.number] = self._find_seen(version)
        return self._seen[version.number]

    def _find_seen(self, version: Version) -> Seen:
        none = np.zeros(len(self._holdout), dtype=bool)
        if self._prints is None:
            return Seen(none, None)
        content = self._registry.run_file(version, TRAINED_ROWS, MOST_BYTES)
        if content is None:
            return Seen(none, f"version {version.number} has no fingerprints of its training rows")
        try:
            trained = RowPrints.parse(content)
            seen, knows = self._prints.among(trained), self._prints.knows_groups_of(trained)
            return Seen(seen, None, knows)
        except UserError as error:
            return Seen(none, f"version {version.number}: {error}")

    def gives_up(self, champion: Version) -> bool:
        """Tell whether production would lose its place to a version that is not compared with it.

        It would where it cannot be scored, and the policy lets it be replaced.
        """
        if not self.policy.replace_unreadable_champion:
            return False
        try:
            self.errors(champion.number)
        except UnscorableError:
            return True
        return False

    def refuse(self, version: Version, why: str) -> Verdict:
        """The verdict on a version that is set aside without a comparison."""
        own = Contestant(version=version.number, rmse=None, stored_rmse=_stored(version))
        evidence = Evidence(challenger=own, champion=None, holdout_rows=len(self._holdout))
        return conclude("archive", why[:MAX_ERROR], evidence, self.policy)

    def overrule(self, verdict: Verdict, why: str) -> Verdict:
        """Refuse a challenger for a reason that lies outside its score."""
        return conclude("archive", why, verdict.evidence, self.policy)

    def measure(self, version: Version, champion: Version | None) -> Verdict:
        """Score a version whose RMSE others claim, as a person makes it production.

        Production is scored beside it, where it can be.

        Raises:
            UnscorableError: If the version cannot be scored on these rows.
        """
        own = self._scored(version)
        if own.rmse is None or not math.isfinite(own.rmse):
            raise UnscorableError(f"version {version.number} has RMSE {own.rmse} on these rows")
        other = None
        with suppress(UnscorableError):  # a person decides, not the comparison
            other = None if champion is None else self._scored(champion)
        evidence = Evidence(
            challenger=own,
            champion=other,
            holdout_rows=len(self._holdout),
            gain=None if other is None else self._gain(other, own),
        )
        text = f"by hand; RMSE {figure(own.rmse)}, where {version.recorded} was claimed"
        return conclude("promote", text, evidence, self.policy)

    def confirm(self, champion: Version) -> Verdict:
        """The verdict on a version that is production already."""
        own = Contestant(version=champion.number, rmse=None, stored_rmse=_stored(champion))
        evidence = Evidence(challenger=own, champion=own, holdout_rows=len(self._holdout))
        return conclude("promote", "it is production already", evidence, self.policy)

    def errors(self, number: int) -> Errors:
        """Actual minus predicted of a version, shape (holdout rows,), in the target's unit.

        Raises:
            UnscorableError: If the version cannot be loaded or cannot score these rows.
        """
        if number not in self._errors:
            try:
                self._errors[number] = self._score(number, self._registry.model_folder(number))
            except ClusterError:  # which says nothing of the version
                raise
            except Exception as error:  # a model of another release can fail anywhere
                raise UnscorableError(
                    f"version {number} cannot score today's holdout rows: {_say(error)}"
                ) from error
        return self._errors[number]

    @property
    def rows(self) -> int:
        """How many rows versions are scored on."""
        return len(self._holdout)

    def scores(self, number: int) -> dict[str, float | None]:
        """How far off a version is on the rows.

        Returns:
            `rmse`, `mae`, `median_absolute_error` and `bias`, the mean of actual minus predicted,
            in the target's unit; and `r2`. Of people, but for the median, where rows stand for
            several. None for what is no finite number.

        Raises:
            UnscorableError: If it cannot score them.
        """
        errors, weights = self.errors(number), self._weights
        contract = read_contract(self._registry.model_folder(number))
        actual = self._holdout[contract.target.name].to_numpy(dtype=np.float64)
        spread = float(rmse(actual - np.average(actual, weights=weights), weights=weights))
        error = float(rmse(errors, weights=weights))
        found = {
            "rmse": error,
            "mae": float(np.average(np.abs(errors), weights=weights)),
            "median_absolute_error": float(np.median(np.abs(errors))),
            "bias": float(np.average(errors, weights=weights)),
            "r2": 1 - (error / spread) ** 2 if spread else math.nan,
        }
        return {name: value if math.isfinite(value) else None for name, value in found.items()}

    def error_table(self, verdict: Verdict) -> str:
        """Errors a row, as CSV: `row`, from 0, and a column a version that was scored."""
        evidence = verdict.evidence
        versions = [who for who in (evidence.champion, evidence.challenger) if who is not None]
        columns = {
            f"error_version_{who.version}": self._errors[who.version]
            for who in versions
            if who.version in self._errors
        }
        return pd.DataFrame(columns).to_csv(index_label="row")

    def _champion(self, champion: Version) -> tuple[Contestant, str | None]:
        """Score production, or say why it cannot be where the policy lets that pass."""
        try:
            self.errors(champion.number)
        except UnscorableError as error:
            if not self.policy.replace_unreadable_champion:
                raise UserError(
                    f"{error}; nothing is promoted or archived. {_way_out(error)} "
                    f"--params promotion.replace_unreadable_champion=true"
                ) from error
            unscored = Contestant(version=champion.number, rmse=None, stored_rmse=_stored(champion))
            return unscored, str(error)[:MAX_ERROR]
        return self._scored(champion), None

    def _contestant(self, version: Version) -> Contestant:
        """Score a version whose recorded RMSE must be a finite number to be worth scoring."""
        try:
            recorded = version.rmse
        except UserError as error:
            raise UnscorableError(str(error)) from error
        if recorded is None or not math.isfinite(recorded):
            return Contestant(version=version.number, rmse=recorded)
        return self._scored(version)

    def _scored(self, version: Version) -> Contestant:
        run = self._registry.run(version)
        plain = [run.metrics[name] for name in BASELINES if name in run.metrics]
        return Contestant(
            version=version.number,
            rmse=float(rmse(self.errors(version.number), weights=self._weights)),
            stored_rmse=_stored(version),
            data_sha256=run.lineage.data_sha256,
            data_method=run.lineage.data_method,
            baseline_rmse=min(plain, default=None),
            by_arrays=version.number in self._by_arrays,
            arrays_reason=self._by_arrays.get(version.number),
        )

    def _gain(
        self, champion: Contestant, challenger: Contestant, rows: Rows | None = None
    ) -> Interval | None:
        """Interval of the gain, on some of the rows; None for all of them."""
        which = slice(None) if rows is None else rows
        errors = self.errors(champion.version)[which], self.errors(challenger.version)[which]
        if not all(np.isfinite(values).all() for values in errors):
            return None
        confidence = self.policy.required_confidence or SHOWN_CONFIDENCE
        weights = None if self._weights is None else self._weights[which]
        clusters = None if self._clusters is None else self._clusters[which]
        found = gain_interval(*errors, confidence, weights, clusters)
        if found is None or not np.isfinite(found).all():
            return None  # too few rows, or squares beyond what a float holds
        return Interval(low=found[0], high=found[1], confidence=confidence)

    def _coverage(self, challenger: Version) -> Coverage | None:
        """How many rows that it has not seen its intervals hold; None if nobody asks, or none."""
        if self.policy.min_coverage is None or challenger.number not in self._errors:
            return None
        unseen = ~self._seen_by(challenger).rows
        folder, errors = self._registry.model_folder(challenger.number), self._errors
        actual = self._holdout[read_contract(folder).target.name].to_numpy(dtype=np.float64)
        predicted = actual - errors[challenger.number]
        with _unscorable(challenger.number):
            sure = read_calibration(folder)
        found = sure.intervals(predicted)
        if found is None or not unseen.any() or not np.isfinite(predicted).all():
            return None
        weights = np.ones(len(actual)) if self._weights is None else self._weights
        is_within = found.hold(actual)
        clusters = None if self._clusters is None else self._clusters[unseen]
        rows = effective_rows(errors[challenger.number][unseen], weights[unseen], clusters)
        return coverage(is_within[unseen], weights[unseen], rows)

    def _largest_gap(self, challenger: Contestant) -> Gap | None:
        """The largest gap between groups in its report; None if nobody asks, or there is none."""
        if self.policy.max_group_gap is None:
            return None
        with _unscorable(challenger.version):
            gaps = read_gaps(self._registry.model_folder(challenger.version))
        return max(gaps, key=lambda found: (found.surely, abs(found.gap)), default=None)

    def _score(self, number: int, folder: Path) -> Errors:
        errors, trouble = score_rows(folder, self._holdout)
        if trouble is not None:
            self._by_arrays[number] = trouble
        return errors


def score_rows(folder: Path, rows: pd.DataFrame) -> tuple[Errors, str | None]:
    """Score clean rows by a logged model.

    Args:
        folder: The folder of the model.
        rows: The rows.

    Returns:
        Actual minus predicted, shape (rows,), in the target's unit; and why the model's exact form
        cannot predict here, so that its arrays did; None if it can.

    Raises:
        OtherFieldsError: If the rows lack a field of the model.
    """
    contract = read_contract(folder)
    names = [*contract.feature_names, contract.target.name]
    if lacking := [name for name in names if name not in rows]:
        raise OtherFieldsError(
            f"it takes '{lacking[0]}', which the contract no longer has under that name"
        )
    if rows.empty:  # as parts may be, of which no estimator makes a prediction
        return np.empty(0, dtype=np.float64), None
    features, actual = features_and_target(rows, contract)
    trouble = None
    try:
        predicted = read_model(folder / MODEL).predict(features)
    except Exception as error:  # one that another release has saved can fail anywhere
        fast = find_form(folder)
        if fast.evaluator is None:
            raise
        trouble = f"{_say(error)[:MAX_ERROR]}; {fast.reason}"
        predicted = fast.evaluator.predict_columns(encoded_columns(features, contract))
    return np.asarray(actual - predicted, dtype=np.float64), trouble


@contextmanager
def _unscorable(number: int) -> Iterator[None]:
    """What cannot be read beside a model is the trouble of that version alone."""
    try:
        yield
    except (UserError, OSError) as error:
        raise UnscorableError(f"version {number} cannot be judged: {_say(error)}") from error


def read_gaps(folder: Path) -> list[Gap]:
    """Read the gaps between groups from the report logged beside a model; none, if it has none."""
    report = read_report(folder)
    if report.groups is None:
        return []
    return [
        Gap(
            column=column.column,
            group=scores.group,
            reference=column.reference or "",
            gap=scores.gap,
            low=scores.gap_low or 0.0,
            high=scores.gap_high or 0.0,
            confidence=report.groups.confidence,
        )
        for column in report.groups.columns
        for scores in column.groups
        if scores.gap is not None
    ]


def _way_out(error: UnscorableError) -> str:
    """What to do about a champion that cannot be scored."""
    if isinstance(error.__cause__, OtherFieldsError):
        return "Let a new version replace it, without a comparison, with"
    return (
        "Restore its model, go back with `kedro models rollback --reason TEXT`, or let a new "
        "version replace it with"
    )


def _say(error: Exception) -> str:
    """What went wrong; a library's own words may hold a cell of somebody's row."""
    if isinstance(error, UserError | OSError | KeyError):  # ours, a file, a missing column
        return " ".join(str(error).split())
    return f"{type(error).__name__} in the model, whose text may hold people's data"


def _stored(version: Version) -> float | None:
    """RMSE as recorded at training here; None if there is none, or no finite number."""
    if version.source is not None:
        return None
    try:
        value = version.rmse
    except UserError:
        return None
    return value if value is not None and math.isfinite(value) else None
