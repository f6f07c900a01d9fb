"""What was found out about a model when it was trained, beyond its metrics, for people to read."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.limits import REPORT

Share = Annotated[float, Field(ge=0, le=1, allow_inf_nan=False)]
Amount = Annotated[float, Field(allow_inf_nan=False)]
Name = Annotated[str, Field(max_length=1_000)]
#: Of any length by its type, for not all readers of OpenAPI know tuples of two.
Pair = Annotated[tuple[Amount, ...], Field(min_length=2, max_length=2)]
Listed = Field(default=(), max_length=10_000)


class Section(BaseModel):
    """A part of the report."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Coverage(Section):
    """How many holdout rows lie within their intervals.

    Attributes:
        rows: Number of rows.
        share: Share of them within; of their weights, where rows have some.
        low: Lower end of the 95 % interval of that share, by Clopper and Pearson.
        high: Upper end.
        effective_rows: As how many independent rows of equal weight they count in that, if rows
            have weights, or several are one person's; None in reports of older releases.
    """

    rows: Annotated[int, Field(ge=0)]
    share: Share
    low: Share
    high: Share
    effective_rows: Annotated[float, Field(ge=0, allow_inf_nan=False)] | None = None


class Level(Section):
    """What share of holdout rows lies within intervals of one confidence.

    Attributes:
        confidence: The share that should.
        share: The share that does.
    """

    confidence: Share
    share: Share


class IntervalScores(Section):
    """How the prediction intervals did on the holdout rows.

    Attributes:
        confidence: Share of rows that they should hold.
        coverage: Share that they hold.
        mean_width: Their mean width, in the target's unit.
        thirds: Coverage of the rows with the lowest, middle and highest predictions; none of
            few rows.
        levels: Coverage at other confidences, ascending.
    """

    confidence: Share
    coverage: Coverage
    mean_width: Amount
    thirds: Annotated[tuple[Coverage, ...], Field(max_length=3)] = ()
    levels: Annotated[tuple[Level, ...], Listed] = ()


class PercentileScores(Section):
    """How evenly the percentiles of the holdout rows are spread, as they should be.

    Attributes:
        rows: Number of rows.
        histogram: Share of rows in each of equally wide ranges of percentiles, from 0 to 100.
        ks: Kolmogorov-Smirnov statistic: the largest distance of their shares from even ones.
        p_value: How often chance alone would make it so large, were they even.
    """

    rows: Annotated[int, Field(ge=0)]
    histogram: Annotated[tuple[Share, ...], Field(max_length=100)]
    ks: Share
    p_value: Share


class Baseline(Section):
    """What predicting by nothing but means and medians would give, on the holdout rows.

    Attributes:
        rmse: The model's RMSE, in the target's unit.
        mean_rmse: That of the mean of the training rows.
        median_rmse: That of the training median by one category.
        median_by: The category's field, the one that tells most; None for one median of all.
    """

    rmse: Amount
    mean_rmse: Amount
    median_rmse: Amount
    median_by: Name | None


class GroupScores(Section):
    """How a model does on one group of rows that it has not seen; amounts in the target's unit.

    Attributes:
        group: The value that they share, a quarter of the values, or `not stated`.
        rows: Number of rows.
        mean_residual: How much more they earn than their inputs say: actual minus predicted.
        low: Lower end of its interval.
        high: Upper end.
        rmse: Root mean squared error.
        mae: Mean absolute error.
        coverage: Share of rows within their prediction interval; None if there are none.
        told: Share of the membership's variance that the inputs tell; None for the reference.
        gap: How much more they earn than the reference with the same inputs; None for the
            reference, or where the inputs tell nearly all of the membership.
        gap_low: Lower end of its interval; those of all gaps hold at once.
        gap_high: Upper end.
    """

    group: Name
    rows: Annotated[int, Field(ge=0)]
    mean_residual: Amount
    low: Amount
    high: Amount
    rmse: Amount
    mae: Amount
    coverage: Share | None = None
    told: Share | None = None
    gap: Amount | None = None
    gap_low: Amount | None = None
    gap_high: Amount | None = None


class ColumnScores(Section):
    """The groups that one audit column makes.

    Attributes:
        column: Its field.
        withheld: Number of groups that are not told, because of their few rows.
        reference: The group that the others are compared with; None if none is told.
        groups: The groups.
    """

    column: Name
    withheld: Annotated[int, Field(ge=0)]
    reference: Name | None
    groups: Annotated[tuple[GroupScores, ...], Listed]


class GroupReport(Section):
    """For whom a model predicts well, and how far groups are paid apart.

    Attributes:
        rows: Rows that it rests on: those held out, and the training rows out of fold.
        min_rows: Fewest rows that a figure may rest on.
        confidence: That of the intervals.
        columns: The audit columns.
    """

    rows: Annotated[int, Field(ge=0)]
    min_rows: Annotated[int, Field(ge=1)]
    confidence: Share
    columns: Annotated[tuple[ColumnScores, ...], Listed]


class InputImportance(Section):
    """How much the model's error rests on one input.

    Attributes:
        input: Its field.
        importance: By how much the RMSE rises if its values are shuffled, in the target's unit;
            around 0, or below, if the model does without it.
        spread: Standard deviation of that over the shuffles.
    """

    input: Name
    importance: Amount
    spread: Amount


class ImportanceReport(Section):
    """Which inputs the model's error on the holdout rests on.

    Attributes:
        rows: Holdout rows that were shuffled.
        repeats: How often each input was.
        inputs: The inputs, the most important first.
    """

    rows: Annotated[int, Field(ge=0)]
    repeats: Annotated[int, Field(ge=1)]
    inputs: Annotated[tuple[InputImportance, ...], Listed]


class FitCell(Section):
    """Holdout rows whose prediction and actual target lie in one cell of a grid.

    Attributes:
        predicted_low: Lower end of their predictions, a round number of the target's unit.
        predicted_high: Upper end.
        actual_low: Lower end of what they have.
        actual_high: Upper end.
        rows: Number of rows.
    """

    predicted_low: Amount
    predicted_high: Amount
    actual_low: Amount
    actual_high: Amount
    rows: Annotated[int, Field(ge=1)]


class FitBand(Section):
    """How wrong a model is where its predictions lie in one range; in the target's unit.

    Attributes:
        low: Lower end of the predictions, a round number.
        high: Upper end.
        rows: Number of rows.
        mean_residual: Mean of actual minus predicted.
        spread: Standard deviation of that, ddof 1.
    """

    low: Amount
    high: Amount
    rows: Annotated[int, Field(ge=2)]
    mean_residual: Amount
    spread: Amount


class Fit(Section):
    """Predicted against actual target on the holdout rows, so that no single person can be told.

    Attributes:
        rows: Number of rows.
        min_rows: Fewest rows, or people, that a cell or band may rest on.
        withheld: Rows in cells of fewer.
        cells: The cells.
        bands: The bands, ascending.
        points: Prediction and actual target of each row; only of tables that are public.
    """

    rows: Annotated[int, Field(ge=0)]
    min_rows: Annotated[int, Field(ge=1)]
    withheld: Annotated[int, Field(ge=0)]
    cells: Annotated[tuple[FitCell, ...], Listed]
    bands: Annotated[tuple[FitBand, ...], Listed]
    points: Annotated[tuple[Pair, ...], Field(max_length=1_000)] = ()


class Report(BaseModel):
    """What was found out about a model; of each section None if it was not looked into.

    It tells of no single person: what rests on too few rows is withheld.

    Attributes:
        intervals: How its prediction intervals did on the holdout rows.
        percentiles: How its percentiles did there.
        baseline: How much better it is than a plain mean or median.
        groups: For whom it predicts well; None where no column is audited.
        importance: Which inputs its error rests on.
        fit: Predicted against actual target, in cells.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    intervals: IntervalScores | None = None
    percentiles: PercentileScores | None = None
    baseline: Baseline | None = None
    groups: GroupReport | None = None
    importance: ImportanceReport | None = None
    fit: Fit | None = None

    @classmethod
    def parse(cls, content: bytes) -> "Report":
        """Read `report.json`.

        Raises:
            FileError: If it holds something else.
        """
        found: Report = read_json(cls, content, REPORT)
        return found
