"""A proposed contract, and what the person who edits it should know."""

import math
from dataclasses import dataclass, replace
from typing import Any

from salary_kedro.contract.columns import Column, Feature, NumberTarget, Use
from salary_kedro.contract.model import Contract, TableRules
from salary_kedro.tables.drafting.pictures import Picture


@dataclass(frozen=True)
class ColumnDraft:
    """A proposed column.

    Attributes:
        column: The column.
        missing_share: Share of the drafted rows without a value, 0 to 1.
        remarks: What the person who edits the draft should know.
        odd_share: Share of its values that are not of its kind, 0 to 1.
        waiting_share: Share of its values that are rejected until a person decides on them.
        proposals: Keys that this person may give it.
        picture: What the rows show of it, and why it is taken for what it is.
    """

    column: Column
    missing_share: float
    remarks: tuple[str, ...] = ()
    odd_share: float = 0.0
    waiting_share: float = 0.0
    proposals: tuple[str, ...] = ()
    picture: Picture | None = None

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

    def remarked(self, remark: str) -> "FeatureDraft":
        """The same feature, with a remark before the others."""
        return replace(self, remarks=(remark, *self.remarks))

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
    def split_field(self) -> str | None:
        """The field whose groups are kept on one side; None for a random split."""
        kept = (draft.column.name for draft in self.features if draft.column.use == "split")
        return next(kept, None)

    def allowing(self, share: float) -> "Draft":
        """The same draft, that lets a run reject a share of the rows, and says so loudly.

        Rows whose salary waits for a decision stay beyond that: a run stops until it is made.

        Args:
            share: Share of the rows that the contract rejects, 0 to 1.
        """
        share -= self.target.waiting_share * (1 - self.target.missing_share)
        if share <= self.table.max_rejected_share:
            return self
        allowed = min(math.ceil(share * 100 + 1) / 100, 1)
        remark = (
            f"{share:.1%} of the rows would be rejected, so that max_rejected_share is "
            f"{allowed:g}: decide whether a model of the others is what you want."
        )
        others = tuple(text for text in self.remarks if "max_rejected_share" not in text)
        table = self.table.model_copy(update={"max_rejected_share": allowed})
        return replace(self, table=table, remarks=(remark, *others))

    @property
    def contract(self) -> Contract:
        """The contract itself."""
        return Contract(
            features=tuple(draft.column for draft in self.features),
            target=self.target.column,
            table=self.table,
        )
