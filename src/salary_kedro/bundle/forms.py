"""The two forms of a model: arrays, which NumPy evaluates, and scikit-learn's own, which is exact.

Arrays serve where they were found to predict what scikit-learn does; they need neither it nor
skops, and outlive their upgrades.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from salary_kedro.bundle.files import FileError
from salary_kedro.bundle.limits import MODEL, RUNTIME, RUNTIME_ARRAYS
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.bundle.runtime.form import Form, Linear, Plain
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError

if TYPE_CHECKING:  # where no model is read, none of scikit-learn is: see model_file
    from sklearn.pipeline import Pipeline

#: Predictions of lines may differ by the order of their sums alone.
TOLERANCE = 1e-9


@dataclass(frozen=True)
class FastForm:
    """A model's arrays.

    Attributes:
        evaluator: Predicts by them; None if there are none.
        reason: Why they serve, or why there are none, in a sentence.
    """

    evaluator: Evaluator | None
    reason: str


#: Where the exact form is asked for.
EXACT = FastForm(None, "its exact form was asked for")


def read_form(files: Mapping[str, bytes], contract: Contract) -> FastForm:
    """Read a model's arrays from its files, of which `runtime.json` may be missing.

    Raises:
        FileError: If they are not what is written here, or of another contract.
    """
    if RUNTIME not in files:
        if RUNTIME_ARRAYS in files:
            raise FileError(f"{RUNTIME_ARRAYS} is there without {RUNTIME}")
        return FastForm(None, "the release that made it made no arrays")
    plain = Plain.parse(files[RUNTIME], files.get(RUNTIME_ARRAYS), contract)
    if plain.form.model is None:
        return FastForm(None, f"it has no arrays: {plain.form.reason}")
    return FastForm(Evaluator(plain, contract), _say_agreement(plain.form))


def _say_agreement(form: Form) -> str:
    if form.agreement is None:
        return "the arrays were not compared with scikit-learn"
    alike = "within 1e-9" if isinstance(form.model, Linear) else "to the last bit"
    return (
        f"its arrays predicted {form.agreement.rows:,} rows as scikit-learn "
        f"{form.agreement.scikit_learn} does, {alike}"
    )


def add_form(files: Mapping[str, bytes], contract: Contract) -> dict[str, bytes]:
    """The files of a model with those of its arrays, made and compared here if there are none.

    Arrays that are there are compared once more: they are left out if the model predicts otherwise
    here. If it does not load or cannot predict any more, they are all there is.

    Raises:
        UserError: If there are no arrays, and the model cannot be read.
    """
    from salary_kedro.bundle.runtime.agreement import make_runtime

    if RUNTIME not in files:
        return {**files, **make_runtime(read_model(files[MODEL]), contract)}
    fast = read_form(files, contract)
    try:
        model = read_model(files[MODEL])
    except UserError:
        if fast.evaluator is None:
            raise
        return dict(files)
    if fast.evaluator is None or (why := _difference(model, files, contract)) is None:
        return dict(files)
    without = {name: content for name, content in files.items() if name != RUNTIME_ARRAYS}
    return {**without, **Plain(Form(reason=f"by now, {why}")).dump()}


def _difference(model: "Pipeline", files: Mapping[str, bytes], contract: Contract) -> str | None:
    """How a model predicts otherwise than its arrays; None if it does not, or cannot at all."""
    from salary_kedro.bundle.runtime.agreement import compare
    from salary_kedro.bundle.runtime.compile import UncompilableError

    plain = Plain.parse(files[RUNTIME], files.get(RUNTIME_ARRAYS), contract)
    try:
        compare(model, plain, contract)
    except UncompilableError as error:
        return str(error)
    except Exception:  # noqa: BLE001 - one that another scikit-learn has saved can fail anywhere
        return None
    return None
