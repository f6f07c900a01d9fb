"""Tells how many rows of a table repeat earlier ones."""

from collections.abc import Sequence

import pandas as pd

#: Fewer repeats are not worth a word.
SAID_SHARE = 0.02


def repeats_remark(texts: pd.DataFrame, headers: Sequence[str]) -> tuple[str, ...]:
    """What the person who edits the draft should know of repeated rows; often nothing.

    Args:
        texts: The rows of the table.
        headers: The columns that the contract reads.
    """
    repeated = int(texts[list(headers)].duplicated().sum())
    if repeated <= SAID_SHARE * len(texts):
        return ()
    share = repeated / len(texts)
    remark = (
        f"{repeated:,} of {len(texts):,} rows ({share:.1%}) repeat an earlier one in every column "
        f"that is read: if they are the same people again, `duplicates: drop` leaves them out."
    )
    return (remark,)
