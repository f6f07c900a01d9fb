"""What was decided, and about which versions: a copy for services and pages, beside the bundles.

The registry's own history is what commands decide by; services read this file, and no registry.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

from salary_kedro.bundle.files import read_json
from salary_kedro.bundle.limits import HISTORY

#: Records and versions that are told, the newest ones.
MAX_RECORDS, MAX_VERSIONS = 500, 50
NONE_YET = (
    "no history lies beside the bundles yet; `make run`, `kedro models promote` or `rollback`, or "
    "`kedro models doctor --fix`, writes it"
)
Text = Annotated[str, Field(max_length=20_000)]
Finite = Annotated[float, Field(allow_inf_nan=False)]


class _Part(BaseModel):
    model_config = ConfigDict(
        extra="forbid", frozen=True, protected_namespaces=(), populate_by_name=True
    )


class Decision(_Part):
    """One record of the history.

    Attributes:
        when: When it was written.
        who: The user that ran the command.
        action: What was done: `promotion`, `archiving`, `rollback`, `promotion by hand`,
            `alias by hand`, `import` or `repair`.
        version: The version it is about.
        before: Production version before, `from` in JSON.
        after: Production version after, `to` in JSON.
        why: The reason, one sentence.
        state: `done`, or `intent` if it was not carried out, or not yet.
    """

    when: datetime
    who: Text
    action: Text
    version: int
    before: int | None = Field(
        validation_alias=AliasChoices("from", "before"), serialization_alias="from"
    )
    after: int | None = Field(
        validation_alias=AliasChoices("to", "after"), serialization_alias="to"
    )
    why: Text
    state: Literal["intent", "done"]

    @property
    def moves(self) -> bool:
        """Whether it tells of a version that became production."""
        done = self.state == "done" and self.action != "archiving"
        return done and self.after is not None and self.before != self.after


class VersionFacts(_Part):
    """What is known of one version; None for what is not.

    Attributes:
        version: Its number.
        stage: `staging`, `production` or `archived`.
        rmse: Its holdout RMSE, in the target's unit.
        model: The estimator's name.
        when: When its training began.
        run_id: The MLflow run that trained it.
        metrics: Metrics at training.
        parameters: What it was trained by.
        data_sha256: Fingerprint of the raw table.
        git_commit: The commit of the code.
        contract: The contract of its rows; None also if it is very long.
        verdict: The last verdict on it, with its evidence.
    """

    version: Annotated[int, Field(gt=0)]
    stage: Text | None
    rmse: Finite | None
    model: Text | None = None
    when: datetime | None = None
    run_id: Text | None = None
    metrics: Mapping[str, Finite | None] = {}
    parameters: Mapping[str, Any] = {}
    data_sha256: Text | None = None
    git_commit: Text | None = None
    contract: Mapping[str, Any] | None = None
    verdict: Mapping[str, Any] | None = None


class ServedHistory(_Part):
    """The history of decisions, as far as it is told.

    Attributes:
        model_name: Name of the registered model; None if nothing is told.
        records: The records, the newest first.
        versions: The versions, the newest first.
        as_of: When it was read from the registry; None if it never was.
        more: Number of older records that are not told.
        more_versions: Number of older versions that are not told.
        reason: Why nothing is told; None if something is.
    """

    model_name: Text | None = None
    records: Annotated[tuple[Decision, ...], Field(max_length=MAX_RECORDS)] = ()
    versions: Annotated[tuple[VersionFacts, ...], Field(max_length=MAX_VERSIONS)] = ()
    as_of: datetime | None = None
    more: Annotated[int, Field(ge=0)] = 0
    more_versions: Annotated[int, Field(ge=0)] = 0
    reason: str | None = None

    def promotion_of(self, version: int) -> Decision | None:
        """The record by which a version became production last; None if none is told."""
        return next((each for each in self.records if each.moves and each.after == version), None)

    def facts_of(self, version: int) -> VersionFacts | None:
        """What is told of a version; None if nothing is."""
        return next((each for each in self.versions if each.version == version), None)

    def brief(self) -> "ServedHistory":
        """The same with no more than `promotion_of`, and the runs of versions, need."""
        records = tuple(each for each in self.records if each.moves)
        versions = tuple(
            VersionFacts(version=each.version, stage=each.stage, rmse=each.rmse, run_id=each.run_id)
            for each in self.versions
        )
        return self.model_copy(update={"records": records, "versions": versions})

    def to_json(self) -> bytes:
        """What `history.json` holds."""
        return self.model_dump_json(by_alias=True).encode()


def parse_history(content: bytes) -> ServedHistory:
    """Read `history.json`.

    Raises:
        FileError: If it holds something else.
    """
    found: ServedHistory = read_json(ServedHistory, content, HISTORY)
    return found
