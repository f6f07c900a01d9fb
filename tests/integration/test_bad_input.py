"""Bad contracts and bad tables, each with the exact line that people get, and no traceback."""

from collections.abc import Callable
from pathlib import Path

import pytest

from salary_kedro.cli.errors import explain
from salary_kedro.datasets import CachedDownloadDataset
from salary_kedro.pipelines.data_engineering.nodes import clean_salaries, validate_salaries
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader
from salary_kedro.tables.csv_arguments import csv_arguments
from support import ROOT, Project, copy_project

CONTRACT = """\
contract:
  features:
    - column: "Age"
      name: "age"
      kind: "number"
      unit: "years"
      minimum: 0
      maximum: 60
      example: 30
      label: "Age"
    - column: "Children"
      name: "children"
      kind: "integer"
      example: 2
      label: "Children"
    - column: "Level"
      name: "level"
      kind: "category"
      categories: ["junior", "senior"]
      example: "senior"
      label: "Level"
    - column: "Title"
      name: "title"
      kind: "category"
      categories: {min_count: 2}
      example: "clerk"
      label: "Title"
    - column: "Remote"
      name: "remote"
      kind: "boolean"
      true_values: ["yes"]
      false_values: ["no"]
      example: true
      label: "Works at home"
    - column: "Hired"
      name: "hired"
      kind: "date"
      format: "%d/%m/%Y"
      minimum: "2000-01-01"
      example: "2020-02-29"
      label: "Hired on"
  target:
    column: "Salary"
    name: "salary"
    kind: "number"
    unit: "US dollars a year"
    exclusive_minimum: 0
    example: 50000
    label: "Salary"
  table:
    max_rejected_share: 0
    csv: {delimiter: ","}
"""
HEADER = "Age,Children,Level,Title,Remote,Hired,Salary\n"
GOOD = "30,2,senior,clerk,yes,29/02/2020,50000\n"
EXAMPLE = "see conf/base/contract.yml for an example"
OWN = "conf/own/contract.yml"


def change(*pairs: str) -> str:
    """The good contract with some of its text replaced: old, new, old, new."""
    text = CONTRACT
    for old, new in zip(pairs[::2], pairs[1::2], strict=True):
        assert old in text
        text = text.replace(old, new, 1)
    return text


def without(line: str) -> str:
    return change(f"      {line}\n", "")


#: What is wrong, the contract file, and what is said of it.
CONTRACTS: dict[str, tuple[str | bytes, str]] = {
    # --- The file
    "an empty file": ("", f"{OWN} has no key `contract` that holds keys: {EXAMPLE}"),
    "another top-level key": (
        change("contract:", "contrakt:"),
        f"{OWN} has no key `contract` that holds keys: {EXAMPLE}",
    ),
    "nothing under its key": (
        "contract:\n",
        f"{OWN} has no key `contract` that holds keys: {EXAMPLE}",
    ),
    "a list": ("- contract\n", f"{OWN} has no key `contract` that holds keys: {EXAMPLE}"),
    "an unclosed bracket": (
        "contract:\n  features: [1\n  target: 2\n",
        f"{OWN} is not YAML: line 3, column 9: expected ',' or ']', but got ':'; {EXAMPLE}",
    ),
    "a tab": (
        "contract:\n\tfeatures: []\n",
        (
            f"{OWN} is not YAML: line 2, column 1: found character '\\t' that cannot start any "
            f"token; {EXAMPLE}"
        ),
    ),
    "a key twice": (
        change('      unit: "years"\n', '      unit: "years"\n      unit: "months"\n'),
        f"{OWN} is not YAML: line 7, column 7: found duplicate key unit; {EXAMPLE}",
    ),
    "another encoding": (
        CONTRACT.replace("Works at home", "Zu Hause tätig").encode("latin-1"),
        f"{OWN} cannot be read: it is not UTF-8",
    ),
    "a header that looks like an interpolation": (
        change('"Age"', '"${x}"'),
        (
            f"{OWN}: `contract.features[0].column` holds '${{', which begins an interpolation: "
            f"where "
            f"it is meant as it stands, write the text in single quotes with \\ before it, '\\${{'"
        ),
    ),
    "a category that looks like a broken interpolation": (
        change('"junior"', '"${"'),
        (
            f"{OWN}: `contract.features[2].categories[0]` holds '${{', which begins an "
            f"interpolation: where it is meant as it stands, write the text in single quotes with "
            f"\\ "
            f"before it, '\\${{'"
        ),
    ),
    # --- Keys
    "a misspelt key": (
        change("minimum", "minimun"),
        "contract.features.age.minimun: unknown key; did you mean 'minimum'?",
    ),
    "a key of another kind": (
        change('kind: "integer"', 'kind: "integer"\n      categories: []'),
        (
            "contract.features.children.categories: unknown key; known are column, name, label, "
            "help, "
            "unit, required, use, missing_values, missing, minimum, maximum, exclusive_minimum, "
            "exclusive_maximum, example, written, conversions, kind"
        ),
    ),
    "a misspelt key of the learned categories": (
        change("min_count", "mincount"),
        "contract.features.title.categories.mincount: unknown key; did you mean 'min_count'?",
    ),
    "a misspelt key of the dialect": (
        change("delimiter", "delimeter"),
        "contract.table.csv.delimeter: unknown key; did you mean 'delimiter'?",
    ),
    "no kind": (
        without('kind: "integer"'),
        (
            "contract.features.children: the key 'kind' is missing; it is one of number, integer, "
            "category, boolean, date"
        ),
    ),
    "a misspelt kind": (
        change('"integer"', '"interger"'),
        "contract.features.children: kind 'interger' is not known; did you mean 'integer'?",
    ),
    "an unknown kind": (
        change('"integer"', '"text"'),
        (
            "contract.features.children: kind 'text' is not known; it is one of number, integer, "
            "category, boolean, date"
        ),
    ),
    "a target that is a category": (
        change('    kind: "number"\n    unit: "US', '    kind: "category"\n    unit: "US'),
        "contract.target: kind 'category' is not known; it is one of number, integer",
    ),
    "no label": (without('label: "Age"'), "contract.features.age.label: is missing"),
    "no name": (without('name: "age"'), "contract.features, 1st entry, name: is missing"),
    "no categories": (
        without('categories: ["junior", "senior"]'),
        "contract.features.level.categories: is missing",
    ),
    "no target": (CONTRACT[: CONTRACT.index("  target")], "contract.target: is missing"),
    "a target without a unit": (
        change('    unit: "US dollars a year"\n', ""),
        "contract.target.unit: is missing",
    ),
    "no features": (
        "contract:\n  features: []\n" + CONTRACT[CONTRACT.index("  target") :],
        "contract.features: must hold at least 1 (found [])",
    ),
    "features that are no list": (
        "contract:\n  features: {age: 5}\n" + CONTRACT[CONTRACT.index("  target") :],
        "contract.features: must be a list (found {'age': 5})",
    ),
    "a feature that is a word": (
        "contract:\n  features: [age]\n" + CONTRACT[CONTRACT.index("  target") :],
        "contract.features, 1st entry: must hold keys and values (found 'age')",
    ),
    # --- Values
    "a name that is not a field name": (
        change('name: "age"', 'name: "Age (years)"'),
        (
            "contract.features.Age (years).name: 'Age (years)' is not a field name: begin with a "
            "letter "
            "of a to z, and go on with such letters, digits and _"
        ),
    ),
    "a name that the answers have": (
        change('name: "age"', 'name: "low"'),
        "contract.features.low.name: 'low' is reserved for the service's answers; rename it",
    ),
    "a name twice": (
        change('name: "children"', 'name: "age"'),
        "contract: name 'age' is given to more than one column",
    ),
    "a column twice": (
        change('column: "Children"', 'column: "Salary"'),
        "contract: column 'Salary' is given to more than one column",
    ),
    "a bound that is a word": (
        change("maximum: 60", "maximum: sixty"),
        "contract.features.age.maximum: must be a number (found 'sixty')",
    ),
    "a bound that YAML takes for true": (
        change("maximum: 60", "maximum: yes"),
        "contract.features.age.maximum: must be a number (found true)",
    ),
    "an infinite bound": (
        change("maximum: 60", "maximum: .inf"),
        "contract.features.age.maximum: must be a finite number (found inf)",
    ),
    "crossed bounds": (
        change("maximum: 60", "maximum: -1"),
        "contract.features.age: the minimum 0 is above the maximum -1",
    ),
    "an example out of bounds": (
        change("example: 30", "example: 61"),
        (
            "contract.features.age: example 61 is not allowed: it must be a number from 0 to "
            "60 (years)"
        ),
    ),
    "an example that is not whole": (
        change("example: 2\n", "example: 2.5\n"),
        "contract.features.children: example 2.5 is not allowed: it must be a whole number",
    ),
    "no example": (without("example: 30"), "contract.features.age.example: is missing"),
    "an example that is empty": (
        change("example: 30", "example:"),
        "contract.features.age.example: must be a number (found nothing)",
    ),
    "categories that YAML takes for booleans": (
        change('["junior", "senior"]', "[No, Yes]", '"senior"', '"No"'),
        (
            "contract.features.level.categories, 1st entry: must be a text (found false): write it in "
            "quotes, "
            "as it is in the table; contract.features.level.categories, 2nd entry: must be a text (found "
            "true): "
            "write it in quotes, as it is in the table"
        ),
    ),
    "a category that YAML takes for a number": (
        change('"junior"', "1e3"),
        (
            "contract.features.level.categories, 1st entry: must be a text (found 1000.0): write it in "
            "quotes, "
            "as it is in the table"
        ),
    ),
    "an empty category": (
        change('"junior"', '""'),
        "contract.features.level.categories, 1st entry: must not be empty (found '')",
    ),
    "a category that is too long": (
        change('"junior"', f'"{"x" * 201}"'),
        (
            "contract.features.level.categories, 1st entry: must have at most 200 characters (found "
            f"'{'x' * 59}...)"
        ),
    ),
    "a category twice": (
        change('"junior"', '"senior"'),
        "contract.features.level: category 'senior' is listed twice",
    ),
    "an empty list of categories": (
        change('["junior", "senior"]', "[]"),
        (
            "contract.features.level: 0 categories are listed; list 1 to 10,000, or let them be "
            "learned: {min_count: 10}"
        ),
    ),
    "categories that are a word": (
        change('["junior", "senior"]', "learned"),
        "contract.features.level.categories: must be a list (found 'learned')",
    ),
    "an example that is no category": (
        change('example: "senior"', 'example: "boss"'),
        (
            "contract.features.level: example 'boss' is not allowed: it must be one of 'junior', "
            "'senior'"
        ),
    ),
    "an order of learned categories": (
        change('example: "clerk"', 'example: "clerk"\n      ordered: true'),
        "contract.features.title: ordered: list the categories in their order to have one",
    ),
    "a least count of none": (
        change("min_count: 2", "min_count: 0"),
        "contract.features.title.categories.min_count: must be at least 1 (found 0)",
    ),
    "a boolean that YAML takes for one": (
        change('["yes"]', "[yes]"),
        (
            "contract.features.remote.true_values, 1st entry: must be a text (found true): write it in "
            "quotes, "
            "as it is in the table"
        ),
    ),
    "a text that means both booleans": (
        change('["no"]', '["no", "yes"]'),
        "contract.features.remote: 'yes' is among true_values and false_values",
    ),
    "a boolean whose example is a word": (
        change("example: true", 'example: "maybe"'),
        "contract.features.remote.example: must be true or false (found 'maybe')",
    ),
    "a bound that is no date": (
        change('"2000-01-01"', '"01/01/2000"'),
        (
            "contract.features.hired.minimum: must be a date, as YYYY-MM-DD in quotes (found "
            "'01/01/2000')"
        ),
    ),
    "a bound that is a year": (
        change('"2000-01-01"', "2000"),
        "contract.features.hired.minimum: must be a date, as YYYY-MM-DD in quotes (found 2000)",
    ),
    "a date format in the wrong signs": (
        change("%d/%m/%Y", "DD/MM/YYYY"),
        (
            "contract.features.hired.format: 'DD/MM/YYYY' does not say how the table writes day, "
            "month "
            "and year; '%d/%m/%Y' reads 23/11/2026, and '%d %b %Y' reads 23 Nov 2026"
        ),
    ),
    "an unknown use": (
        change('label: "Age"', 'label: "Age"\n      use: "drop"'),
        (
            "contract.features.age.use: must be 'feature', 'audit', 'split', 'weight' or 'ignore' "
            "(found 'drop')"
        ),
    ),
    "a missing value that is indicated where one is required": (
        change('label: "Age"', 'label: "Age"\n      missing: "indicate"'),
        "contract.features.age: missing: 'indicate' has no meaning where a value is required",
    ),
    "an unknown way with missing values": (
        change('label: "Age"', 'label: "Age"\n      required: false\n      missing: "mean"'),
        "contract.features.age.missing: must be 'impute' or 'indicate' (found 'mean')",
    ),
    "a target that is not required": (
        change("    exclusive_minimum: 0", "    exclusive_minimum: 0\n    required: false"),
        "contract.target: the target is always required and used: leave out these keys",
    ),
    "a log scale for values of zero": (
        change("    exclusive_minimum: 0", "    minimum: 0\n    log_scale: true"),
        "contract.target: log_scale needs values above 0: set exclusive_minimum: 0",
    ),
    "a currency that is a sign": (
        change("    exclusive_minimum: 0", '    exclusive_minimum: 0\n    currency: "$"'),
        "contract.target.currency: '$' is not a currency code: write three capitals, such as 'USD'",
    ),
    # --- The table's rules
    "a share above one": (
        change("max_rejected_share: 0", "max_rejected_share: 5"),
        "contract.table.max_rejected_share: must be at most 1 (found 5)",
    ),
    "an unknown rule for duplicates": (
        change("max_rejected_share: 0", "duplicates: discard"),
        "contract.table.duplicates: must be 'keep', 'reject' or 'drop' (found 'discard')",
    ),
    "a delimiter of two characters": (
        change('delimiter: ","', 'delimiter: "||"'),
        (
            "contract.table.csv.delimiter: must be one ASCII character that is no letter, digit, "
            "double quote or line break (found '||')"
        ),
    ),
    "a decimal mark that groups thousands": (
        change('delimiter: ","', 'decimal: ",", thousands: ","'),
        "contract.table.csv: decimal is ',', as is thousands: it must be another one",
    ),
    "an unknown encoding": (
        change('delimiter: ","', 'encoding: "utf-9"'),
        (
            "contract.table.csv.encoding: encoding 'utf-9' is not known; common are utf-8, utf-16, "
            "latin-1 and cp1252"
        ),
    ),
    "texts for missing values that are a word": (
        change('delimiter: ","', 'missing: "NA"'),
        "contract.table.csv.missing: must be a list (found 'NA')",
    ),
}

REJECTED = (
    "1 of 2 rows break the contract, more than the allowed share of 0%: rejected_rows.csv in "
    "02_intermediate lists each line with its reasons (first: line 3, {}); correct the data, or "
    "contract.yml"
)


def row(**cells: str) -> str:
    """A good row and one in which some cells are others."""
    names = HEADER.strip().split(",")
    good = dict(zip(names, GOOD.strip().split(","), strict=True))
    return HEADER + GOOD + ",".join({**good, **cells}.values()) + "\n"


#: What is wrong, the table, and what is said of it.
TABLES: dict[str, tuple[str | bytes, str]] = {
    "an empty file": (
        "",
        "{file} is empty. It needs a header line and one line for each row.",
    ),
    "a header only": (
        HEADER,
        "the raw table has a header but no rows: bring at least one row of data",
    ),
    "a column that is missing": (
        HEADER.replace("Level", "Grade") + GOOD,
        (
            "the table has no column 'Level'; it has 'Age', 'Children', 'Grade', 'Title', "
            "'Remote', "
            "'Hired', 'Salary': correct the file's header, or `column` in contract.yml"
        ),
    ),
    "a column twice": (
        HEADER.replace("Salary", "Salary,Salary") + GOOD.replace("50000", "5,5"),
        "the table has more than one column 'Salary': give each its own name",
    ),
    "another delimiter": (
        (HEADER + GOOD).replace(",", ";"),
        (
            "the table has no column 'Age', 'Children', 'Level', 'Title', 'Remote', 'Hired', "
            "'Salary'; "
            "it has 'Age;Children;Level;Title;Remote;Hired;Salary': its delimiter seems to be ';': "
            "set "
            '`csv: {delimiter: ";"}` under table in contract.yml'
        ),
    ),
    "another delimiter and decimal commas": (
        (HEADER + GOOD).replace(",", ";").replace("50000", "50000,5"),
        (
            "{file} has rows with more fields than its header has names. Name every column in the "
            "header, and put a field that holds ',' in double quotes; if ',' does not separate the "
            "fields, set `csv: {delimiter: …}` under table in contract.yml."
        ),
    ),
    "another encoding": (
        row(Title="Köchin").encode("cp1252"),
        (
            "{file} is not text in the encoding utf-8-sig. Set `csv: {encoding: …}` under table in "
            "contract.yml to its own, such as cp1252 or utf-16, or save it as UTF-8."
        ),
    ),
    "two bytes a character": (
        row().encode("utf-16"),
        (
            "{file} is not text in the encoding utf-8-sig. Set `csv: {encoding: …}` under table in "
            "contract.yml to its own, such as cp1252 or utf-16, or save it as UTF-8."
        ),
    ),
    "a row with too many fields": (
        row(Salary="50,000"),
        (
            "{file}, line 3 has 8 fields, but 7 are expected. Correct the line: put a field that "
            "holds "
            "',' in double quotes; if ',' does not separate the fields, set `csv: {delimiter: …}` "
            "under table in contract.yml."
        ),
    ),
    "a row with too few fields": (
        HEADER + GOOD + "30,2,senior\n",
        REJECTED.format("Title: missing; Remote: missing; Hired: missing; Salary: missing"),
    ),
    "a quote that is not closed": (
        row(Title='"clerk'),
        '{file}, row 2 is malformed. Look for a double quote (") that is not closed.',
    ),
    "a blank line": (
        HEADER + GOOD + "\n",
        REJECTED.format(
            "Age: missing; Children: missing; Level: missing; Title: missing; Remote: missing; "
            "Hired: missing; Salary: missing"
        ),
    ),
    "a number that is a word": (row(Age="thirty"), REJECTED.format("Age: not a number")),
    "a number with a unit": (row(Salary="$50000"), REJECTED.format("Salary: not a number")),
    "a number that is grouped": (row(Salary='"50,000"'), REJECTED.format("Salary: not a number")),
    "a number out of bounds": (
        row(Age="61"),
        REJECTED.format("Age: must be a number from 0 to 60 (years)"),
    ),
    "a fraction of a child": (
        row(Children="1.5"),
        REJECTED.format("Children: must be a whole number"),
    ),
    "a salary of nothing": (
        row(Salary="0"),
        REJECTED.format("Salary: must be a number above 0 (US dollars a year)"),
    ),
    "an infinite salary": (
        row(Salary="inf"),
        REJECTED.format(
            "Salary: must be a number above 0 (US dollars a year), and at most 3.4e+38"
        ),
    ),
    "a category that is not listed": (
        row(Level="Senior"),
        REJECTED.format("Level: must be one of 'junior', 'senior'"),
    ),
    "a category that is missing": (row(Level="NA"), REJECTED.format("Level: missing")),
    "a category that is too long": (
        row(Title="x" * 201),
        REJECTED.format("Title: must be a text of 1 to 200 characters"),
    ),
    "a boolean in other words": (
        row(Remote="true"),
        REJECTED.format("Remote: must be one of 'yes', 'no'"),
    ),
    "a date in another format": (
        row(Hired="2020-02-29"),
        REJECTED.format("Hired: not a date written as %d/%m/%Y (`format` in contract.yml)"),
    ),
    "a day that there never was": (
        row(Hired="29/02/2021"),
        REJECTED.format("Hired: not a date written as %d/%m/%Y (`format` in contract.yml)"),
    ),
    "a date out of bounds": (
        row(Hired="31/12/1999"),
        REJECTED.format("Hired: must be a date, YYYY-MM-DD, from 2000-01-01"),
    ),
}

#: What goes through the command line too; before the line stands where it was found.
BY_COMMAND = {
    "an unclosed bracket": "",
    "another top-level key": "",
    "a header that looks like an interpolation": "",
    "a misspelt kind": f"{OWN}: ",
    "a name twice": f"{OWN}: ",
    "a category that YAML takes for a number": f"{OWN}: ",
    "another delimiter": "",
    "a row with too many fields": "raw_salaries: ",
    "a date in another format": "",
}


def content(text: str | bytes) -> bytes:
    return text if isinstance(text, bytes) else text.encode()


def said(work: Callable[[], object]) -> str:
    """The one line that the command line says of an error."""
    with pytest.raises(Exception) as caught:  # noqa: PT011 - any: the line is compared
        work()
    return explain(caught.value)


@pytest.fixture
def loader(tmp_path: Path) -> Callable[[str | bytes], ProjectConfigLoader]:
    """Loads the configuration of an environment with a given contract."""

    def load(contract: str | bytes) -> ProjectConfigLoader:
        conf = tmp_path / "conf"
        for env in ("base", "own"):
            (conf / env).mkdir(parents=True)
        (conf / "base" / "contract.yml").write_bytes(
            (ROOT / "conf" / "base" / "contract.yml").read_bytes()
        )
        (conf / "own" / "contract.yml").write_bytes(content(contract))
        return ProjectConfigLoader(str(conf), "own", **LOADER_ARGS)

    return load


Load = Callable[[str | bytes], ProjectConfigLoader]


@pytest.mark.parametrize("name", CONTRACTS)
def test_contract_when_it_is_bad_then_says_in_one_line_what_to_do(name: str, loader: Load) -> None:
    contract, message = CONTRACTS[name]

    assert said(loader(contract).contract) == message


@pytest.mark.parametrize("name", TABLES)
def test_table_when_it_is_bad_then_says_in_one_line_what_to_do(
    name: str, loader: Load, tmp_path: Path
) -> None:
    table, message = TABLES[name]
    file = tmp_path / "table.csv"
    file.write_bytes(content(table))
    contract = loader(CONTRACT).contract()
    arguments = csv_arguments(contract)
    raw = {"type": "pandas.CSVDataset", "filepath": str(file), "load_args": arguments}

    def run() -> object:
        salaries = CachedDownloadDataset(dataset=raw).load()
        return clean_salaries(*validate_salaries(salaries, contract)[:2], contract)

    assert said(run) == message.replace("{file}", str(file))


def test_table_when_it_is_good_then_is_read(loader: Load, tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text(row())
    contract = loader(CONTRACT).contract()
    arguments = csv_arguments(contract)
    raw = {"type": "pandas.CSVDataset", "filepath": str(file), "load_args": arguments}

    salaries = CachedDownloadDataset(dataset=raw).load()

    assert len(clean_salaries(*validate_salaries(salaries, contract)[:2], contract)) == 2


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project with an environment of its own."""
    project = copy_project(tmp_path_factory.mktemp("bad") / "project")
    (project.root / "conf" / "own").mkdir()
    (project.root / "data" / "own" / "01_raw").mkdir(parents=True)
    return project


@pytest.mark.parametrize("name", BY_COMMAND)
def test_kedro_run_when_contract_or_table_is_bad_then_prints_that_line_alone(
    name: str, own: Project
) -> None:
    contract, message = CONTRACTS.get(name, (CONTRACT, ""))
    table, told = TABLES.get(name, (row(), ""))
    file = own.root / "data" / "own" / "01_raw" / "salary_data.csv"
    (own.root / "conf" / "own" / "contract.yml").write_bytes(content(contract))
    file.write_bytes(content(table))

    result = own.run("kedro", "run", "--env", "own")

    line = message or told.replace("{file}", str(file))
    shown = [text for text in result.stderr.splitlines() if not text.startswith("[")]
    assert (result.returncode, shown) == (1, [f"Error: {BY_COMMAND[name]}{line}"])
    assert "Traceback" not in result.stdout + result.stderr
