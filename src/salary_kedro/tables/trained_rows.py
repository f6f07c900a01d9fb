"""Fingerprints of the rows that a model was trained on: who has the secret can ask for a row."""

import hashlib
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, ValidationError

from salary_kedro.contract.model import Contract
from salary_kedro.errors import UserError
from salary_kedro.tables.row_keys import KEY, Keys, keyed_hashes, named_by, value_keys

#: File of a run, and the most bytes that it may have: 134 million rows.
TRAINED_ROWS, MOST_BYTES = "trained_rows.bin", 1 << 30
#: The most bytes of its first line.
MOST_HEADER = 1 << 20


class Header(BaseModel):
    """The first line of the file, as JSON.

    Attributes:
        named_by: What names a row, `row_keys.named_by`.
        secret_id: Tells secrets apart, and nothing of them.
        group: Field that tells whose a row is; None where none does, or in older releases' files.
        rows: With it, how many fingerprints are of rows; those of its values follow.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    named_by: tuple[str, ...]
    secret_id: str
    group: str | None = None
    rows: int | None = None


@dataclass(frozen=True)
class RowPrints:
    """Keyed fingerprints of rows, eight bytes each.

    Attributes:
        header: What they are of, and by which secret.
        prints: In the order of the rows, or sorted.
        groups: Those of the values of the field that tells whose a row is, likewise; 0 for none.
    """

    header: Header
    prints: Keys
    groups: Keys = field(default_factory=lambda: np.empty(0, dtype=np.uint64))

    @classmethod
    def of(
        cls,
        rows: pd.DataFrame,
        row_keys: pd.DataFrame,
        contract: Contract,
        secret: bytes,
        group: str | None = None,
    ) -> "RowPrints":
        """Take the fingerprints of some of a table's clean rows.

        Args:
            rows: The rows, indexed by their places among the clean rows.
            row_keys: What names each clean row, `tables.row_keys`; or each of these, by place.
            contract: Tells what that is.
            secret: Without it nobody can tell whose a fingerprint is.
            group: Field of the rows that tells whose they are; None if none does.
        """
        keys = row_keys.loc[rows.index, KEY].to_numpy(dtype=np.uint64)
        header = Header(
            named_by=tuple(named_by(contract)), secret_id=_secret_id(secret), group=group
        )
        prints = keyed_hashes(keys, secret)
        if group is None:
            return cls(header, prints)
        column = next(column for column in contract.columns if column.name == group)
        values = value_keys(rows[group], column)
        hashed = np.where(values == 0, np.uint64(0), keyed_hashes(values, secret))
        return cls(header, prints, hashed)

    def to_bytes(self) -> bytes:
        """The file: the header, then the fingerprints, each once and sorted: order tells nothing.

        Each is eight bytes, the lowest first; those of values come last.
        """
        prints, groups = np.unique(self.prints), np.unique(self.groups[self.groups != 0])
        rows = None if self.header.group is None else len(prints)
        header = self.header.model_copy(update={"rows": rows}).model_dump_json(exclude_none=True)
        return f"{header}\n".encode() + np.append(prints, groups).astype("<u8").tobytes()

    @classmethod
    def parse(cls, content: bytes) -> "RowPrints":
        """Read the file.

        Raises:
            UserError: If it holds something else.
        """
        end = content.find(b"\n", 0, MOST_HEADER) + 1
        try:
            header = Header.model_validate_json(content[:end])
            prints = np.frombuffer(content, dtype="<u8", offset=end).astype(np.uint64)
        except (ValidationError, ValueError) as error:
            raise UserError(f"{TRAINED_ROWS} holds no fingerprints of rows") from error
        rows = len(prints) if header.rows is None else header.rows
        if (header.rows is None) != (header.group is None) or not 0 <= rows <= len(prints):
            raise UserError(
                f"{TRAINED_ROWS} holds no fingerprints of rows as it says: {len(prints)} in all"
            )
        return cls(header, prints[:rows], prints[rows:])

    def among(self, trained: "RowPrints") -> NDArray[np.bool_]:
        """Tell of each row whether it is among others, or one of its group is, if that is known.

        Raises:
            UserError: If that cannot be told: their secret is another, or what names a row.
        """
        if trained.header.secret_id != self.header.secret_id:
            raise UserError("the fingerprints of its training rows were taken by another key")
        if trained.header.named_by != self.header.named_by:
            raise UserError("the contract named its training rows by other columns")
        same: NDArray[np.bool_] = np.isin(self.prints, trained.prints)
        if self.header.group is None or not self.knows_groups_of(trained):
            return same
        same |= np.isin(self.groups, trained.groups) & (self.groups != 0)
        return same

    def knows_groups_of(self, trained: "RowPrints") -> bool:
        """Tell whether it can be told, of these rows' groups, which are among others."""
        return self.header.group in (None, trained.header.group)


def _secret_id(secret: bytes) -> str:
    return hashlib.blake2b(b"which key this is", digest_size=8, key=secret).hexdigest()
