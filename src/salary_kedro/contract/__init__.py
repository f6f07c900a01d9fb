"""One contract: what a row holds, for validation, training, service and page alike."""

from salary_kedro.contract.columns import (
    Boolean,
    Category,
    Column,
    Date,
    Feature,
    Integer,
    Number,
    Target,
)
from salary_kedro.contract.explain import describe_invalid
from salary_kedro.contract.model import (
    Contract,
    ContractError,
    CsvDialect,
    TableRules,
)

__all__ = [
    "Boolean",
    "Category",
    "Column",
    "Contract",
    "ContractError",
    "CsvDialect",
    "Date",
    "Feature",
    "Integer",
    "Number",
    "TableRules",
    "Target",
    "describe_invalid",
]
