"""Stages of a model version: a derived, human-readable record kept as tags."""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum

from salary_kedro.errors import UserError

#: The alias that names the production version. Serving and packaging read nothing else.
ALIAS = "production"


class Stage(StrEnum):
    """Tag of a version; its value is the version's holdout RMSE."""

    STAGING = "staging"
    PRODUCTION = "production"
    ARCHIVED = "archived"


@dataclass(frozen=True)
class Version:
    """One registered version.

    Attributes:
        number: Version number, from 1.
        stages: Its stage tags and their values; one of them in a healthy registry.
        run_id: The MLflow run that trained it.
        source: Where its RMSE comes from; None if its training here measured it.
    """

    number: int
    stages: Mapping[Stage, str]
    run_id: str
    source: str | None = None

    @property
    def recorded(self) -> str | None:
        """Value of its stage tag, whichever stage that is; None if it has no stage."""
        return next(iter(self.stages.values()), None)

    @property
    def rmse(self) -> float | None:
        """Holdout RMSE at training, as recorded in a stage tag; None if it is not there.

        Raises:
            UserError: If the tag does not hold a number.
        """
        try:
            return None if self.recorded is None else float(self.recorded)
        except ValueError as error:
            raise UserError(
                f"version {self.number}: its stage tag holds {self.recorded!r}, not an RMSE; "
                f"write the number from its run's metrics into the tag with `make ui`"
            ) from error


def format_rmse(rmse: float) -> str:
    """Write an RMSE as a decimal string that reads back as the same float, never as 1e-05."""
    return format(Decimal(str(rmse)), "f")
