"""The contract as rows to be scored must keep to it."""

from salary_kedro.contract.columns import Feature
from salary_kedro.contract.model import Contract, TableRules


class _Inputs(Contract):
    """A contract of rows whose salary is not known yet."""

    @property
    def columns(self) -> tuple[Feature, ...]:
        """The model's inputs alone: neither audit columns, weight nor target need be there."""
        return self.inputs


def scoring_contract(contract: Contract) -> Contract:
    """Restrict a contract to the model's inputs, and the rules to how the table is written."""
    rules = contract.table
    return _Inputs(
        features=contract.features,
        target=contract.target,
        table=TableRules(
            csv=rules.csv, trim=rules.trim, sheet=rules.sheet, named_table=rules.named_table
        ),
    )
