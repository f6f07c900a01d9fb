"""Numbers that reach the contract as texts, because other cells of their column are no numbers."""

import numpy as np
import pandas as pd

from salary_kedro.contract.table import read_columns
from samples import column, contract_of


def test_read_columns_when_one_cell_is_no_number_then_the_others_keep_their_decimal_comma() -> None:
    contract = contract_of(
        column("hours"), table={"csv": {"decimal": ",", "thousands": ".", "delimiter": ";"}}
    )
    raw = pd.DataFrame({"Hours": ["1.234,5", "x", "7"], "Salary": ["1,5", "2", "3"]})

    found = read_columns(raw, contract)

    assert found["hours"].tolist()[::2] == [1234.5, 7.0]
    assert np.isnan(found["hours"][1])
    assert found["salary"].tolist() == [1.5, 2.0, 3.0]


def test_read_columns_when_the_decimal_mark_is_a_comma_then_a_point_is_not_one() -> None:
    contract = contract_of(column("hours"), table={"csv": {"decimal": ",", "delimiter": ";"}})
    raw = pd.DataFrame({"Hours": ["1.5", "x"], "Salary": [1.0, 2.0]})

    assert read_columns(raw, contract)["hours"].isna().all()
