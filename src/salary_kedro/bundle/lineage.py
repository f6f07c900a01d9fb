"""What a model was made from: it is logged with the model, and travels in its bundle."""

from collections.abc import Mapping
from typing import Self

from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.limits import LINEAGE

#: How the source of an RMSE begins while nobody has measured it who packaged it.
CLAIMED = "claimed"
#: Tag of a version, too, whose RMSE its own training where it is registered did not measure.
RMSE_SOURCE = "rmse_source"
#: What tells whether two models are made of the same.
MADE_OF = ("data_sha256", "parameters_sha256", "code_sha256")


class Lineage(BaseModel):
    """What a model was made from; None for what was not recorded.

    It keeps what else an earlier or later release has recorded, a text by its name.

    Attributes:
        git_commit: The commit, or `unknown`.
        git_dirty: Whether the work tree differed from it: `true`, `false` or `unknown`.
        code_sha256: Fingerprint of the code.
        lock_sha256: Fingerprint of the lock file.
        data_sha256: Fingerprint of the raw table.
        data_method: How that was taken; None for that of the raw file's bytes, as earlier
            releases took it.
        parameters: The parameters of the training, as JSON.
        parameters_sha256: Fingerprint of them and of the contract.
        rmse_source: Where its RMSE comes from; None if its training measured it.
    """

    model_config = ConfigDict(frozen=True, extra="allow")
    __pydantic_extra__: dict[str, str] = Field(init=False)  # pydantic's way to type them

    git_commit: str | None = None
    git_dirty: str | None = None
    code_sha256: str | None = None
    lock_sha256: str | None = None
    data_sha256: str | None = None
    data_method: str | None = None
    parameters: str | None = None
    parameters_sha256: str | None = None
    rmse_source: str | None = None

    @classmethod
    def parse(cls, content: bytes) -> Self:
        """Read `lineage.json`.

        Raises:
            FileError: If it does not hold texts by their names.
        """
        return cls.model_validate(read_json(dict[str, str], content, LINEAGE))

    @classmethod
    def of_tags(cls, tags: Mapping[str, str]) -> Self:
        """Read it from the tags of a run, which hold other things too."""
        return cls.model_validate({name: tags[name] for name in cls.model_fields if name in tags})

    def texts(self) -> dict[str, str]:
        """What was recorded, by name in order, as `lineage.json` holds it."""
        return dict(sorted(self.model_dump(exclude_none=True).items()))

    @property
    def claimed(self) -> bool:
        """Whether its RMSE is what an archive claims; nobody has measured it who packaged it."""
        return (self.rmse_source or "").startswith(CLAIMED)

    @property
    def made_of(self) -> tuple[str, str, str] | None:
        """Fingerprints of data, parameters and code; None if one is unknown."""
        if not (self.data_sha256 and self.parameters_sha256 and self.code_sha256):
            return None
        return self.data_sha256, self.parameters_sha256, self.code_sha256
