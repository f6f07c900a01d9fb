"""What was found out about a model when it was trained, beyond its metrics, for people to read."""

from pydantic import BaseModel, ConfigDict

from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.limits import REPORT


class Report(BaseModel):
    """What was found out about a model; of each section None if it was not looked into.

    It tells of no single person: what rests on too few rows is withheld.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    @classmethod
    def parse(cls, content: bytes) -> "Report":
        """Read `report.json`.

        Raises:
            FileError: If it holds something else.
        """
        found: Report = read_json(cls, content, REPORT)
        return found
