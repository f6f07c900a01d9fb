"""The two forms of a model: arrays, which NumPy evaluates, and scikit-learn's own, which is exact.

Arrays serve where they were found to predict what scikit-learn does; they need neither it nor
skops, and outlive their upgrades.
"""

import logging
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from salary_kedro.bundle.files import FileError
from salary_kedro.bundle.limits import MODEL, RUNTIME, RUNTIME_ARRAYS
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.bundle.runtime.form import Agreement, Form, Plain
from salary_kedro.contract import Contract
from salary_kedro.contract.encoding import encode_rows
from salary_kedro.contract.examples import example_rows
from salary_kedro.errors import UserError

if TYPE_CHECKING:  # where no model is read, none of scikit-learn is: see model_file
    from sklearn.pipeline import Pipeline

ReadExact = Callable[[], "Pipeline"]
log = logging.getLogger(__name__)
UNCOMPARED = "its arrays were never compared with scikit-learn"
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


def read_form(
    files: Mapping[str, bytes], contract: Contract, read_exact: ReadExact | None = None
) -> FastForm:
    """Read a model's arrays from its files, of which `runtime.json` may be missing.

    Arrays that were never compared with the exact form serve only where that cannot.

    Args:
        files: Those of the arrays, and others.
        contract: The contract it was fitted by.
        read_exact: Reads its exact form; None where that is known not to serve.

    Raises:
        FileError: If they are not what is written here, or of another contract.
    """
    plain = _parse(files, contract)
    if plain is None:
        return FastForm(None, "the release that made it made no arrays")
    if plain.form.model is None:
        return FastForm(None, f"it has no arrays: {plain.form.reason}")
    if plain.form.agreement is None and read_exact is not None:
        with suppress(UserError):
            _read_usable(read_exact, contract)
            return FastForm(None, UNCOMPARED)
    return FastForm(Evaluator(plain, contract), _say_agreement(plain.form.agreement))


def _parse(files: Mapping[str, bytes], contract: Contract) -> Plain | None:
    if RUNTIME in files:
        return Plain.parse(files[RUNTIME], files.get(RUNTIME_ARRAYS), contract)
    if RUNTIME_ARRAYS in files:
        raise FileError(f"{RUNTIME_ARRAYS} is there without {RUNTIME}")
    return None


def _say_agreement(found: Agreement | None) -> str:
    if found is None:
        return f"{UNCOMPARED}, and serve only where its exact form cannot"
    alike = "within 1e-9" if found.tolerance or found.largest else "to the last bit"
    return (
        f"its arrays predicted {found.rows:,} rows as scikit-learn "
        f"{found.scikit_learn} does, {alike}"
    )


def add_form(files: Mapping[str, bytes], contract: Contract) -> dict[str, bytes]:
    """The files of a model with those of its arrays, made and compared here if there are none.

    Arrays that are there are compared once more: they are left out if the model predicts otherwise
    here, and made anew if they are damaged. If it does not load or cannot predict any more, they
    are all there is.

    Raises:
        UserError: If there are no arrays, or damaged ones, and the model cannot predict here.
    """
    try:
        model = _read_usable(lambda: read_model(files[MODEL]), contract)
    except UserError:
        if read_form(files, contract).evaluator is None:
            raise
        return dict(files)
    rest = {name: files[name] for name in files if name not in (RUNTIME, RUNTIME_ARRAYS)}
    return {**rest, **_compared(model, files, contract)}


def _read_usable(read_exact: ReadExact, contract: Contract) -> "Pipeline":
    """Read an exact form, which must predict the contract's examples.

    Raises:
        UserError: If it cannot be read, or does not.
    """
    model, rows = read_exact(), encode_rows(example_rows(contract), contract)
    try:
        with np.errstate(all="ignore"):  # what is not finite is refused by those who ask
            model.predict(rows)
    except Exception as error:  # one that another scikit-learn has saved can fail anywhere
        raise UserError(f"the model loads, but cannot predict: {type(error).__name__}") from error
    return model


def _compared(
    model: "Pipeline", files: Mapping[str, bytes], contract: Contract
) -> dict[str, bytes]:
    """The files of arrays that predict as a model does, or of why there are none."""
    from salary_kedro.bundle.runtime.agreement import compare, make_runtime
    from salary_kedro.bundle.runtime.compile import UncompilableError

    try:
        plain = _parse(files, contract)
    except FileError as error:
        log.warning("the arrays logged with the model are damaged, and are made anew: %s", error)
        plain = None
    if plain is None:
        return make_runtime(model, contract)
    if plain.form.model is None:
        return plain.dump()
    try:
        found = compare(model, plain, contract)
    except UncompilableError as error:
        why = str(error)
    except Exception as error:  # noqa: BLE001 - what cannot be compared is not the same
        why = f"{type(error).__name__} where the arrays were compared with the model"
    else:
        agreement = plain.form.agreement or found
        return replace(plain, form=plain.form.model_copy(update={"agreement": agreement})).dump()
    return Plain(Form(reason=f"by now, {why}"[:1_000])).dump()
