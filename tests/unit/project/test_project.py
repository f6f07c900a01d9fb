"""The project as the commands see it."""

import pytest

from salary_kedro.errors import UserError
from salary_kedro.project.project import open_project
from support import Project as Copy


def test_raw_data_when_it_can_be_fetched_then_is_none(shell: Copy) -> None:
    assert open_project(shell.root, None).raw_data == shell.root / "data/01_raw/salary_data.csv"
    catalog = shell.root / "conf" / "base" / "catalog.yml"
    catalog.write_text(catalog.read_text().replace("url: null", "url: https://example.org/a.csv"))

    assert open_project(shell.root, None).raw_data is None


def test_open_when_the_contract_is_wrong_then_names_its_file_and_the_entry(shell: Copy) -> None:
    own = shell.root / "conf" / "wages"
    own.mkdir()
    contract = (shell.root / "conf" / "professors" / "contract.yml").read_text()
    (own / "contract.yml").write_text(contract.replace('"Male"', "true", 1))
    with pytest.raises(UserError) as caught:
        open_project(shell.root, "wages")
    assert str(caught.value).startswith(
        "conf/wages/contract.yml: contract.features.sex.categories, 2nd entry: must be a text "
    )
