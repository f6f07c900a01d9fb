"""The project as the commands see it."""

from salary_kedro.project.project import open_project
from support import Project as Copy


def test_raw_data_when_it_can_be_fetched_then_is_none(shell: Copy) -> None:
    assert open_project(shell.root, None).raw_data == shell.root / "data/01_raw/salary_data.csv"
    catalog = shell.root / "conf" / "base" / "catalog.yml"
    catalog.write_text(catalog.read_text().replace("url: null", "url: https://example.org/a.csv"))

    assert open_project(shell.root, None).raw_data is None
