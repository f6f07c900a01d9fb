"""The contract as rows to be scored must keep to it."""

from salary_kedro.contract.columns import Column
from salary_kedro.contract.model import Contract, TableRules


class _Inputs(Contract):
    """A contract of rows whose salary is not known yet."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The model's inputs alone: neither audit columns, weight nor target need be there."""
        return self.inputs


class _Truth(Contract):
    """A contract of the salaries alone."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The target alone."""
        return (self.target,)


class _Compared(Contract):
    """A contract of rows whose salary is there too."""

    @property
    def columns(self) -> tuple[Column, ...]:
        """The model's inputs and the target."""
        return (*self.inputs, self.target)


def scoring_contract(contract: Contract) -> Contract:
    """Restrict a contract to the model's inputs, and the rules to how the table is written."""
    return _restrict(contract, _Inputs)


def truth_contract(contract: Contract) -> Contract:
    """Restrict a contract to the target, likewise."""
    return _restrict(contract, _Truth)


def comparing_contract(contract: Contract) -> Contract:
    """Restrict a contract to the model's inputs and the target, likewise."""
    return _restrict(contract, _Compared)


def _restrict(contract: Contract, kind: type[Contract]) -> Contract:
    rules = contract.table
    return kind(
        features=contract.features,
        target=contract.target,
        table=TableRules(
            csv=rules.csv, trim=rules.trim, sheet=rules.sheet, named_table=rules.named_table
        ),
    )
