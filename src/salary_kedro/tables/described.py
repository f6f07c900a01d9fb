"""What a file itself says about its columns, beside their cells."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Described:
    """What a file says about one of its columns; most formats say nothing.

    Attributes:
        label: What the column is called in words; empty if the file does not say.
        levels: Texts of its categories, in the order of the file: by code in statistics
            packages, by rank in an ordered dictionary. Empty if it lists none. Where they are
            given, the column's cells are these texts.
        ordered: Whether the file itself says that this order ranks them.
        missing: Texts of values that the file labels in a column of numbers, such as -9 for
            "refused": they may mean no value. What it declares as missing is missing already.
        remarks: Sentences for the person who edits the draft.
    """

    label: str = ""
    levels: tuple[str, ...] = ()
    ordered: bool = False
    missing: tuple[str, ...] = ()
    remarks: tuple[str, ...] = ()


UNKNOWN = Described()
