"""Records and versions, as the service tells them: a promotion, then a refusal."""

import json
from datetime import UTC, datetime
from typing import Any

from kinds import professors

PROMOTED = "version 1 is promoted: RMSE 900.0, and nothing was in production"
REFUSED = (
    "version 2 is not promoted: RMSE 950.0 against 900.0; a loss of 50.0 is not distinguishable "
    "from chance on 12 rows, 95 % interval \u2212210 to +105"
)


def record(version: int, action: str = "promotion", **changes: Any) -> dict[str, Any]:
    """A record as the service tells it; by default of a promotion of the first version."""
    plain = {
        "when": datetime(2026, 11, 29, 14, version, tzinfo=UTC).isoformat(),
        "who": "ada",
        "action": action,
        "version": version,
        "from": None,
        "to": 1,
        "why": PROMOTED,
        "state": "done",
    }
    return {**plain, **changes}


def version(number: int, **changes: Any) -> dict[str, Any]:
    plain = {
        "version": number,
        "stage": "production" if number == 1 else "archived",
        "rmse": 900.0 + 50 * (number - 1),
        "model": "linear_regression",
        "when": "2026-11-29T14:00:00Z",
        "run_id": "ab" * 16,
        "metrics": {"rmse": 900.0 + 50 * (number - 1), "r2": 0.5},
        "parameters": {"model": "linear_regression", "random_state": 234},
        "data_sha256": "cd" * 32,
        "git_commit": "ef" * 20,
        "contract": json.loads(professors().model_dump_json()),
        "verdict": None,
    }
    return {**plain, **changes}


REFUSAL = record(2, "archiving", **{"from": 1, "to": 1, "why": REFUSED})
