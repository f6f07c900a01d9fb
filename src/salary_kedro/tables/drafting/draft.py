"""A proposed contract, and what the person who edits it should know."""

from dataclasses import dataclass, replace
from typing import Any

from salary_kedro.contract.columns import Column, Feature, NumberTarget, Use
from salary_kedro.contract.model import Contract, TableRules


@dataclass(frozen=True)
class ColumnDraft:
    """A proposed column.

    Attributes:
        column: The column.
        missing_share: Share of the drafted rows without a value, 0 to 1.
        remarks: What the person who edits the draft should know.
    """

    column: Column
    missing_share: float
    remarks: tuple[str, ...] = ()

    @property
    def keys(self) -> dict[str, Any]:
        """What the contract says of the column, as JSON holds it; defaults are left out."""
        return self.column.model_dump(mode="json", exclude_unset=True)


@dataclass(frozen=True)
class FeatureDraft(ColumnDraft):
    """A proposed feature."""

    column: Feature

    def with_use(self, use: Use, *remarks: str) -> "FeatureDraft":
        """The same feature, of another use and with other remarks."""
        column = self.column.model_copy(update={"use": use})
        return replace(self, column=column, remarks=remarks)

    def ignored(self, why: str) -> "FeatureDraft":
        """The same feature, left out."""
        return self.with_use("ignore", why, *self.remarks)


@dataclass(frozen=True)
class TargetDraft(ColumnDraft):
    """A proposed target."""

    column: NumberTarget


@dataclass(frozen=True)
class Draft:
    """A proposed contract.

    Attributes:
        features: Its features, in the order of the file.
        target: Its target.
        table: Rules of its table.
        remarks: What the person who edits the draft should know about it as a whole.
    """

    features: tuple[FeatureDraft, ...]
    target: TargetDraft
    table: TableRules
    remarks: tuple[str, ...] = ()

    @property
    def contract(self) -> Contract:
        """The contract itself."""
        return Contract(
            features=tuple(draft.column for draft in self.features),
            target=self.target.column,
            table=self.table,
        )
