"""What the service tells of its model and of the decisions about it, read for the pages.

What a later service tells beside this is passed over.
"""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from service_client import ServiceClient, UnexpectedAnswerError


class _Read(BaseModel):
    """A part of an answer."""

    model_config = ConfigDict(frozen=True, extra="ignore", protected_namespaces=())


class Coverage(_Read):
    """How many holdout rows lie within their intervals: a share, and its 95 % interval."""

    rows: int
    share: float
    low: float
    high: float


class Level(_Read):
    """What share of holdout rows lies within intervals that should hold `confidence` of them."""

    confidence: float
    share: float


class IntervalScores(_Read):
    """How the intervals did on the holdout rows; widths in the target's unit."""

    confidence: float
    coverage: Coverage
    mean_width: float
    thirds: tuple[Coverage, ...] = ()
    levels: tuple[Level, ...] = ()


class Baseline(_Read):
    """RMSEs on the holdout: the model's, and those of plain means and medians."""

    rmse: float
    mean_rmse: float
    median_rmse: float
    median_by: str | None = None


class GroupScores(_Read):
    """Errors on one group, and its unexplained gap to the reference, in the target's unit."""

    group: str
    rows: int
    mean_residual: float
    low: float
    high: float
    rmse: float
    mae: float
    coverage: float | None = None
    gap: float | None = None
    gap_low: float | None = None
    gap_high: float | None = None


class ColumnScores(_Read):
    """The groups of one audit column; `withheld` are not told, because of their few rows."""

    column: str
    withheld: int
    reference: str | None
    groups: tuple[GroupScores, ...]


class GroupReport(_Read):
    """For whom the model predicts well, and how far groups are paid apart."""

    rows: int
    min_rows: int
    confidence: float
    columns: tuple[ColumnScores, ...]


class InputImportance(_Read):
    """By how much the RMSE rises if an input's values are shuffled, and how that varies."""

    input: str
    importance: float
    spread: float


class ImportanceReport(_Read):
    """Which inputs the error rests on."""

    rows: int
    repeats: int
    inputs: tuple[InputImportance, ...]


class FitCell(_Read):
    """Number of holdout rows in a cell of predicted against actual target."""

    predicted_low: float
    predicted_high: float
    actual_low: float
    actual_high: float
    rows: int


class FitBand(_Read):
    """Mean and standard deviation of actual minus predicted, in a range of predictions."""

    low: float
    high: float
    rows: int
    mean_residual: float
    spread: float


class Fit(_Read):
    """Predicted against actual target; `points` are of public tables alone."""

    rows: int
    min_rows: int
    withheld: int
    cells: tuple[FitCell, ...]
    bands: tuple[FitBand, ...]
    points: tuple[tuple[float, float], ...] = ()


class Report(_Read):
    """What was found out at training; None for what was not looked into."""

    intervals: IntervalScores | None = None
    baseline: Baseline | None = None
    groups: GroupReport | None = None
    importance: ImportanceReport | None = None
    fit: Fit | None = None


class Errors(_Read):
    """Squared errors of models that had not seen the people; in the target's unit squared."""

    rows: int
    mean_square: float
    spread: float

    @property
    def rmse_interval(self) -> tuple[float, float]:
        """The 95 % interval of the RMSE, by the normal approximation of the mean square."""
        reach = 1.96 * self.spread / math.sqrt(self.rows)
        ends = (max(0.0, self.mean_square - reach), self.mean_square + reach)
        return math.sqrt(ends[0]), math.sqrt(ends[1])


class Profile(_Read):
    """What the model's errors were like out of fold; None if that was not recorded."""

    errors: Errors | None = None


class Promotion(_Read):
    """When and why a version became production, and which was before it."""

    when: datetime
    why: str
    action: str
    before: int | None = Field(None, alias="from")


class Intervals(_Read):
    """How sure predictions are; `reason` says why there are no intervals."""

    confidence: float
    rows: int
    reason: str | None = None


class Ranges(_Read):
    """What the training rows covered, by field: two ends, or the texts that were met."""

    ranges: Mapping[str, tuple[float | str, float | str]] = {}
    categories: Mapping[str, tuple[str, ...]] = {}


class Column(_Read):
    """A column of the contract, as far as people read it."""

    name: str
    kind: str
    label: str = ""
    help: str = ""
    unit: str = ""
    minimum: float | str | None = None
    maximum: float | str | None = None
    exclusive_minimum: float | str | None = None
    exclusive_maximum: float | str | None = None
    categories: tuple[str, ...] | Mapping[str, Any] | None = None
    required: bool = True
    use: str = "feature"
    currency: str = ""

    @property
    def title(self) -> str:
        """What people call it."""
        return self.label or self.name


class Contract(_Read):
    """The columns of a row, and what is predicted from them."""

    features: tuple[Column, ...]
    target: Column

    def title(self, name: str) -> str:
        """What people call a field; its own name if it is not known."""
        every = (*self.features, self.target)
        return next((column.title for column in every if column.name == name), name)


class Card(_Read):
    """The served model, described for people.

    Attributes:
        model: The kind of model, such as `linear_regression`.
        promoted: When and why it became production; None if that is not known.
        run_id: The run of MLflow that made it.
        claimed: Whether its figures are an archive's word, which nobody here has measured.
    """

    model_name: str
    model_version: int
    bundle: str
    model: str | None = None
    promoted: Promotion | None = None
    run_id: str | None = None
    parameters: Mapping[str, Any] = {}
    lineage: Mapping[str, str] = {}
    metrics: Mapping[str, float | None] = {}
    contract: Contract
    domain: Ranges = Ranges()
    intervals: Intervals | None = None
    report: Report = Report()
    profile: Profile = Profile()
    intended_use: tuple[str, ...] = ()
    not_for: tuple[str, ...] = ()
    claimed: bool = False


class Interval(_Read):
    """Where the gain in RMSE lies; in the target's unit."""

    low: float
    high: float
    confidence: float


class Contestant(_Read):
    """A version in a decision, and its RMSE on the rows that both were scored on."""

    version: int
    rmse: float | None = None


class Evidence(_Read):
    """What a decision rests on."""

    challenger: Contestant
    champion: Contestant | None = None
    holdout_rows: int | None = None
    gain: Interval | None = None


class Verdict(_Read):
    """What became of a version, and why."""

    action: str
    reason: str
    evidence: Evidence | None = None


class Record(_Read):
    """A decision, or one that was begun: `state` is `intent` until it is `done`."""

    when: datetime
    who: str = ""
    action: str
    version: int
    before: int | None = Field(None, alias="from")
    after: int | None = Field(None, alias="to")
    why: str
    state: str = "done"


class Version(_Read):
    """A registered version; None for what was not recorded."""

    version: int
    stage: str | None = None
    rmse: float | None = None
    model: str | None = None
    when: datetime | None = None
    run_id: str | None = None
    metrics: Mapping[str, float | None] = {}
    parameters: Mapping[str, Any] = {}
    data_sha256: str | None = None
    git_commit: str | None = None
    contract: Mapping[str, Any] | None = None
    verdict: Verdict | None = None


class History(_Read):
    """What was decided, the newest first, and the versions.

    Attributes:
        records: The decisions.
        versions: The versions that the service knows.
        as_of: When this was written down.
        more: Number of older records that are not told.
        reason: Why there is nothing to tell.
    """

    records: tuple[Record, ...] = ()
    versions: tuple[Version, ...] = ()
    as_of: datetime | None = None
    more: int = 0
    reason: str | None = None


Part = TypeVar("Part", bound=_Read)


def read_card(service: ServiceClient) -> Card:
    """Ask for the card of the served model.

    Raises:
        ServiceError: If there is no answer, or none that this page knows.
    """
    return _read(Card, service, "model/card")


def read_history(service: ServiceClient) -> History:
    """Ask for the history of decisions.

    Raises:
        ServiceError: If there is no answer, or none that this page knows.
    """
    return _read(History, service, "model/history")


def _read(kind: type[Part], service: ServiceClient, path: str) -> Part:
    answer = service.json(path)
    try:
        return kind.model_validate(answer)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"]))
        raise UnexpectedAnswerError(
            f"The service's /{path} tells what this page does not know ({where}: {first['msg']}). "
            "Page and service are of two releases: start both from the same one."
        ) from error
