"""The history of decisions: append-only, one entity a record, kept in the store."""

import getpass
import re
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any, Literal, overload

from pydantic import AliasChoices, BaseModel, ConfigDict, Field

#: The key of a record begins so.
PREFIX = "history."
KEY = re.compile(r"^history\.\d{9}-[0-9a-f]+$")

Action = Literal[
    "promotion", "archiving", "rollback", "promotion by hand", "alias by hand", "import", "repair"
]
#: Decisions of a person: they outrank an automatic promotion that did not know of them.
BY_HAND = frozenset({"rollback", "promotion by hand", "alias by hand"})


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container's user may have no name
        return "unknown"


class Record(BaseModel):
    """One record.

    Attributes:
        key: Its key in the ledger. Keys sort in the order of writing: each holds a
            number above all that its writer had read, and something random.
        when: Time of the record, UTC.
        who: The user that ran the command.
        action: What was done.
        state: `intent` before the alias is moved, `done` after it; a record that moves
            nothing is `done` at once.
        version: The version it is about.
        before: Production version before, `from` in JSON.
        after: Production version after, `to` in JSON.
        why: The reason, one sentence.
        intent: Key of the intent that this record completes.
        knows: What was known of the last decision by hand when this was decided.
        evidence: The verdict it rests on, as plain JSON.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)

    key: str
    when: datetime = Field(default_factory=lambda: datetime.now(UTC))
    who: str = Field(default_factory=_user)
    action: Action
    state: Literal["intent", "done"]
    version: int
    before: int | None = Field(
        validation_alias=AliasChoices("before", "from"), serialization_alias="from"
    )
    after: int | None = Field(
        validation_alias=AliasChoices("after", "to"), serialization_alias="to"
    )
    why: str
    intent: str | None = None
    knows: str | None = None
    evidence: dict[str, Any] | None = None

    @property
    def decision(self) -> str:
        """Key of the decision, whichever of its two records this is."""
        return self.intent or self.key

    @property
    def decision_state(self) -> str:
        """What this record lets others know: the decision, and whether it was carried out."""
        return f"{self.decision} {self.state}"

    @property
    def moves(self) -> bool:
        """Whether it tells of a version that became production."""
        return self.action != "archiving" and self.after is not None and self.before != self.after


class History(Sequence[Record]):
    """Records in the order of writing."""

    def __init__(self, records: Sequence[Record]) -> None:
        """Take records in any order; of two that complete one intent, the first counts."""
        self._records: list[Record] = []
        completed: set[str] = set()
        for record in sorted(records, key=lambda record: record.key):
            if record.intent not in completed:
                self._records.append(record)
            if record.intent is not None:
                completed.add(record.intent)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._records[index]

    def __len__(self) -> int:
        return len(self._records)

    def next_key(self) -> str:
        """A key that sorts behind all records."""
        last = int(self[-1].key.removeprefix(PREFIX).partition("-")[0]) if self else 0
        return f"{PREFIX}{last + 1:09d}-{secrets.token_hex(4)}"

    @cached_property
    def done(self) -> list[Record]:
        """What was carried out."""
        return [record for record in self if record.state == "done"]

    @cached_property
    def unfinished(self) -> list[Record]:
        """Intents that no record completes: their command was interrupted, or still runs."""
        completed = {record.intent for record in self}
        return [
            record for record in self if record.state == "intent" and record.key not in completed
        ]

    @cached_property
    def by_hand(self) -> Record | None:
        """The last decision of a person, carried out or not."""
        return next((record for record in reversed(self) if record.action in BY_HAND), None)

    @property
    def by_hand_state(self) -> str | None:
        """State of the last decision by hand, as a record of today notes it in `knows`."""
        return None if self.by_hand is None else self.by_hand.decision_state

    def named_by_last(self, records: int) -> frozenset[int]:
        """Versions that the last so many records are about, or tell to be production or former."""
        named = {n for r in self[-records:] for n in (r.version, r.before, r.after)}
        return frozenset(number for number in named if number is not None)

    @cached_property
    def decided(self) -> frozenset[int]:
        """Versions that something was decided about."""
        return frozenset(r.version for r in self.done if r.moves or r.action != "repair")

    @cached_property
    def imported(self) -> frozenset[int]:
        """Versions that came from another store."""
        return frozenset(record.version for record in self.done if record.action == "import")

    @cached_property
    def productions(self) -> list[int]:
        """Versions that were production, the latest first, each once."""
        found = [record.after for record in reversed(self.done) if record.moves]
        return list(dict.fromkeys(number for number in found if number is not None))

    @cached_property
    def unreplaced(self) -> frozenset[int]:
        """Versions that became production and that nobody has knowingly replaced since.

        One in a calm history. Two after a race of promotions, each replacing the same one:
        the alias names the one whose move came last, and the other is to be contested.
        An automatic move that did not know that a decision by hand was carried out
        stands back.
        """
        unreplaced: set[int] = set()
        states: set[str | None] = {None}  # since a decision by hand was last carried out
        for record in self:
            if record.action in BY_HAND:
                if record.state == "done":
                    states.clear()
                states.add(record.decision_state)
            if record.state == "intent":
                continue
            if record.action == "archiving":
                unreplaced.discard(record.version)
            elif record.moves and record.action in BY_HAND:
                unreplaced = {record.version}
            elif record.moves and record.knows in states:
                unreplaced = (unreplaced - {record.before}) | {record.version}
        return frozenset(unreplaced)

    @cached_property
    def rolled_back(self) -> list[int]:
        """Versions that a person took out of production and nobody put back since."""
        found: dict[int, None] = {}
        for record in self.done:
            if record.action == "rollback" and record.before is not None:
                found[record.before] = None
            if record.moves:
                found.pop(record.version, None)
        return list(found)
