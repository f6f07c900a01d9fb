"""What a bundle says about its model, in the values of requests."""

from typing import Annotated, Any, Self

from pydantic import BaseModel, Field

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.report import Coverage, Report
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain, as_json

#: Both ends of a range; a list, for not all readers of OpenAPI know tuples.
_Two = Field(min_length=2, max_length=2)
Ends = Annotated[list[float], _Two] | Annotated[list[str], _Two]


class Covered(BaseModel):
    """What the training rows covered, by field name.

    Attributes:
        ranges: Smallest and largest training value of numbers and dates, as requests hold
            them.
        categories: The categories that the model knows by name.
        others: Fields of learned categories of which training met rarer texts too: no other text
            is strange to the model.
    """

    ranges: dict[str, Ends]
    categories: dict[str, tuple[str, ...]]
    others: tuple[str, ...]

    @classmethod
    def of(cls, domain: Domain, contract: Contract) -> Self:
        """Tell a domain in the values of requests."""
        columns = {column.name: column for column in contract.inputs}
        ranges: Any = {
            name: [as_json(end, columns[name]) for end in ends]
            for name, ends in domain.ranges.items()
        }
        return cls(ranges=ranges, categories=dict(domain.categories), others=domain.others)


class IntervalFacts(BaseModel):
    """How sure the model's predictions are.

    Attributes:
        confidence: Share of cases that an interval should cover, between 0 and 1.
        rows: Number of residuals that the intervals rest on.
        reason: Why there are none; null where there are.
        coverage: How many of the holdout rows theirs hold; null if that was not measured.
    """

    confidence: float
    rows: int
    reason: str | None
    coverage: Coverage | None

    @classmethod
    def of(cls, calibration: Calibration, report: Report) -> Self:
        """The facts of a calibration, and of what was measured of it."""
        measured = report.intervals
        return cls(
            confidence=calibration.confidence,
            rows=calibration.rows,
            reason=calibration.reason or None,
            coverage=None if measured is None else measured.coverage,
        )
