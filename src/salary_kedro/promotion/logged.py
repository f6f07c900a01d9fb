"""What was logged with a version's model, and whether it still predicts."""

from pathlib import Path

from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.files import read_regular
from salary_kedro.bundle.forms import FastForm, read_form
from salary_kedro.bundle.limits import (
    CALIBRATION,
    CONTRACT,
    MODEL,
    REPORT,
    RUNTIME,
    RUNTIME_ARRAYS,
    max_size,
)
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.report import Report
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError

EXTRA = "extra_files"


def read_contract(folder: Path) -> Contract:
    """Read the contract logged beside a model."""
    return Contract.parse(read_regular(folder / EXTRA / CONTRACT, max_size(CONTRACT)))


def read_report(folder: Path) -> Report:
    """Read the report logged beside a model; an empty one, if it has none."""
    return Report.parse(_read_some(folder, REPORT).get(REPORT, b"{}"))


def read_calibration(folder: Path) -> Calibration:
    """Read the calibration logged beside a model; an empty one, if it has none."""
    return Calibration.parse(_read_some(folder, CALIBRATION).get(CALIBRATION, b"{}"))


def trouble(folder: Path) -> str | None:
    """Why a model can be loaded in neither of its forms; None if it can."""
    try:
        read_model(folder / MODEL)
    except UserError as error:
        return str(error) if find_arrays(folder) is None else None
    return None


def find_arrays(folder: Path) -> Evaluator | None:
    """What predicts by the arrays logged beside a model; None if there are none, or damaged ones.

    They outlive the model's exact form.
    """
    return find_form(folder).evaluator


def find_form(folder: Path) -> FastForm:
    """The arrays logged beside a model, or why there are none that could serve."""
    try:
        return read_form(_read_some(folder, RUNTIME, RUNTIME_ARRAYS), read_contract(folder))
    except (UserError, OSError) as error:
        return FastForm(None, f"its arrays cannot be read: {error}")


def _read_some(folder: Path, *names: str) -> dict[str, bytes]:
    paths = {name: folder / EXTRA / name for name in names}
    return {
        name: read_regular(path, max_size(name)) for name, path in paths.items() if path.exists()
    }
