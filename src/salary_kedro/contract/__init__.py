"""One contract: what a row holds, for validation, training, service and page alike."""

from salary_kedro.contract.model import (
    Column,
    Contract,
    ContractError,
    Feature,
    TableRules,
    Target,
    describe_invalid,
)

__all__ = [
    "Column",
    "Contract",
    "ContractError",
    "Feature",
    "TableRules",
    "Target",
    "describe_invalid",
]
