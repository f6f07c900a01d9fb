"""One bundle: written once, checked whenever it is read."""

import hashlib
import json
import math
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from salary_kedro.bundle.background import Background
from salary_kedro.bundle.calibration import Calibration
from salary_kedro.bundle.files import check_size, check_values, open_folder, read_json, read_regular
from salary_kedro.bundle.forms import EXACT, TOLERANCE, add_form, read_form
from salary_kedro.bundle.limits import (
    BACKGROUND,
    CALIBRATION,
    CONTRACT,
    DOMAIN,
    EXAMPLES,
    LINEAGE,
    MANIFEST,
    MAX_JSON_VALUES,
    METRICS,
    MODEL,
    PROFILE,
    REPORT,
    RUNTIME,
    RUNTIME_ARRAYS,
    SIGNATURE,
    max_size,
)
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.profile import Profile
from salary_kedro.bundle.report import Report
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.bundle.signing import Signer, Verifier
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain, as_json
from salary_kedro.contract.encoding import (
    Encoded,
    Row,
    Value,
    as_matrix,
    encode_column,
    encode_columns,
    encode_rows,
)
from salary_kedro.contract.examples import example_rows
from salary_kedro.errors import UserError

if TYPE_CHECKING:  # where no model is read, none of scikit-learn is: see model_file
    from sklearn.pipeline import Pipeline

#: What a bundle does without that was packed before releases recorded it.
OPTIONAL = frozenset({BACKGROUND, CALIBRATION, DOMAIN, PROFILE, REPORT, RUNTIME, RUNTIME_ARRAYS})
#: All that a manifest may name.
VOUCHED = frozenset({CONTRACT, EXAMPLES, LINEAGE, METRICS, MODEL}) | OPTIONAL
FILES = VOUCHED | {MANIFEST, SIGNATURE}
FORMAT = 1
# The Pipeline is fitted on named columns and addresses them by position, as rows come here.
warnings.filterwarnings("ignore", message="X does not have valid feature names", module="sklearn")


Finite = Annotated[float, Field(allow_inf_nan=False)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class BundleError(UserError):
    """A bundle that is missing, incomplete, altered or does not predict what it recorded."""


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Manifest(_Strict):
    """What `manifest.json` holds: whose bundle it is, and the checksums of its files."""

    format: Literal[1]
    model_name: Annotated[str, Field(min_length=1, max_length=1_000)]
    version: Annotated[int, Field(gt=0)]
    sha256: dict[str, Sha256]


class Examples(_Strict):
    """What `examples.json` holds: rows by position, and a prediction for each."""

    rows: Annotated[list[list[Finite | str | bool | None]], Field(min_length=1, max_length=1_000)]
    predictions: list[Finite]


@dataclass(frozen=True)
class Bundle:
    """A loaded, checked bundle.

    Attributes:
        name: Folder name, `<version>-<first 8 of its sha256>`.
        model_name: Name of the registered model.
        version: Its version number.
        contract: The contract the model was trained by.
        domain: What its training rows covered.
        metrics: Its metrics at training, by name; None for one that is not a number.
        lineage: What it was made from.
        calibration: How sure its predictions are.
        report: What else was found out about it.
        background: What its predictions are explained against.
        profile: What its training rows were like, which requests are compared with.
        read_model: Reads the fitted Pipeline.
        evaluator: Predicts by plain arrays; None where the Pipeline does.
        form_reason: Why the one or the other predicts, in a sentence.
    """

    name: str
    model_name: str
    version: int
    contract: Contract
    domain: Domain
    metrics: Mapping[str, float | None]
    lineage: Lineage
    calibration: Calibration
    report: Report
    background: Background
    profile: Profile
    read_model: Callable[[], "Pipeline"]
    evaluator: Evaluator | None = None
    form_reason: str = ""

    @property
    def form(self) -> str:
        """What predicts: `arrays` or `scikit-learn`."""
        return "scikit-learn" if self.evaluator is None else "arrays"

    @cached_property
    def model(self) -> "Pipeline":
        """The fitted Pipeline; takes an array of shape (rows, features).

        Raises:
            UserError: If it cannot be read here.
        """
        return self.read_model()

    def predict(self, rows: Sequence[Row]) -> NDArray[np.float64]:
        """Predict the target of rows, each with the features in the contract's order.

        A missing optional value is None. Returns shape (rows,), in the target's unit.
        """
        return self.predict_encoded(encode_columns(rows, self.contract))

    def predict_row(self, row: Row) -> float:
        """Predict the target of one row, as `predict` does, in microseconds where arrays do.

        Raises:
            ValueError: If a number is beyond what the model takes.
        """
        if self.evaluator is None:
            return float(self.predict([row])[0])
        return self.evaluator.predict_row(row)

    def predict_columns(self, columns: Sequence[Sequence[Value]]) -> NDArray[np.float64]:
        """Predict the target of rows that are given by column.

        Args:
            columns: One for each feature, in the contract's order; all equally long.

        Returns:
            Shape (rows,), in the target's unit.
        """
        pairs = zip(columns, self.contract.inputs, strict=True)
        return self.predict_encoded([encode_column(values, column) for values, column in pairs])

    def predict_encoded(self, columns: Sequence[Encoded]) -> NDArray[np.float64]:
        """The same for columns that are encoded, see `encode_column`."""
        if self.evaluator is not None:
            return self.evaluator.predict_columns(columns)
        rows = as_matrix(columns, self.contract)
        return np.asarray(self.model.predict(rows), dtype=np.float64)

    @classmethod
    def load(cls, folder: Path, verifier: Verifier | None = None) -> Self:
        """Load a bundle and check all of it: checksums, contract, model, recorded examples.

        Args:
            folder: Its folder, which bears its name.
            verifier: Must find it signed; None if it need not be.

        Raises:
            BundleError: Says what is wrong with it.
        """
        try:
            return cls._parse(folder.name, FolderFiles(folder), verifier)
        except Exception as error:  # what is damaged can fail anywhere
            raise BundleError(f"bundle {folder.name}: {_say(error)}") from error

    @classmethod
    def parse(cls, name: str, files: Mapping[str, bytes]) -> Self:
        """Check a bundle whose files are given, like `load`, and that its exact form is good.

        What others have made of that form, its arrays, is left out: it predicts itself.

        Raises:
            BundleError: Says what is wrong with it.
        """
        try:
            return cls._parse(name, files, None, exact=True)
        except Exception as error:  # what is damaged can fail anywhere
            raise BundleError(f"bundle {name}: {_say(error)}") from error

    @classmethod
    def _parse(
        cls,
        name: str,
        source: Mapping[str, bytes],
        verifier: Verifier | None,
        *,
        exact: bool = False,
    ) -> Self:
        manifest, files = _read_checked(name, source, verifier)
        if name.partition("-")[0] != str(manifest.version):
            raise BundleError(f"its folder's name does not begin with {manifest.version}")
        contract, domain = parse_contract(files[CONTRACT]), parse_domain(files.get(DOMAIN, b"{}"))
        _check_domain(domain, contract)
        metrics, lineage = parse_metrics(files[METRICS]), Lineage.parse(files[LINEAGE])
        read_exact = partial(_read_exact, source, manifest)
        fast = EXACT if exact else read_form(files, contract, read_exact)
        bundle = cls(
            name=name,
            model_name=manifest.model_name,
            version=manifest.version,
            contract=contract,
            domain=domain,
            metrics=metrics,
            lineage=lineage,
            calibration=Calibration.parse(files.get(CALIBRATION, b"{}")),
            report=Report.parse(files.get(REPORT, b"{}")),
            background=Background.parse(files.get(BACKGROUND, b"{}"), contract),
            profile=Profile.parse(files.get(PROFILE, b"{}"), contract),
            read_model=read_exact,
            evaluator=fast.evaluator,
            form_reason=fast.reason,
        )
        _replay(bundle, read_json(Examples, files[EXAMPLES], EXAMPLES))
        return bundle


class FolderFiles(Mapping[str, bytes]):
    """The files of a bundle in a folder, each read when it is asked for, if not too large."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def __getitem__(self, name: str) -> bytes:
        try:
            with open_folder(self._folder) as handle:
                return read_regular(name, max_size(name), handle)
        except FileNotFoundError as error:  # be it the folder
            raise FileNotFoundError(error.errno, error.strerror, name) from error

    def __iter__(self) -> Iterator[str]:
        return iter(FILES)

    def __len__(self) -> int:
        return len(FILES)


def parse_contract(content: bytes) -> Contract:
    """Read `contract.json`."""
    check_values(CONTRACT, content, MAX_JSON_VALUES)
    return Contract.parse(content)


def parse_domain(content: bytes) -> Domain:
    """Read `domain.json`."""
    domain: Domain = read_json(Domain, content, DOMAIN)
    return domain


def parse_metrics(content: bytes) -> dict[str, float | None]:
    """Read `metrics.json`."""
    metrics: dict[str, float | None] = read_json(dict[str, Finite | None], content, METRICS)
    return metrics


def predict_rows(model: "Pipeline", rows: Sequence[Row], contract: Contract) -> NDArray[np.float64]:
    """Predict rows that are given by position."""
    return np.asarray(model.predict(encode_rows(rows, contract)), dtype=np.float64)


def pack(
    model_name: str, version: int, files: Mapping[str, bytes], signer: Signer | None = None
) -> tuple[str, dict[str, bytes]]:
    """Complete a bundle's files with recorded examples and a manifest.

    Args:
        model_name: Name of the registered model.
        version: Its version number.
        files: `model.skops`, `contract.json`, `metrics.json`, `lineage.json`, and those of
            `OPTIONAL` that there are.
        signer: Signs the manifest, which vouches for all else; None for no signature.

    Returns:
        The bundle's name, `<version>-<first 8 of the manifest's sha256>`, and all its files.

    Raises:
        UserError: If a file is larger than a bundle's may be, or not what it should hold.
    """
    for name, content in files.items():
        check_size(name, len(content), max_size(name))
    contract = parse_contract(files[CONTRACT])
    _check_domain(parse_domain(files.get(DOMAIN, b"{}")), contract)
    parse_metrics(files[METRICS]), Lineage.parse(files[LINEAGE])
    Calibration.parse(files.get(CALIBRATION, b"{}")), Report.parse(files.get(REPORT, b"{}"))
    Background.parse(files.get(BACKGROUND, b"{}"), contract)
    Profile.parse(files.get(PROFILE, b"{}"), contract)
    complete = add_form(files, contract)
    complete[EXAMPLES] = _dump(_record_examples(complete, contract))
    checksums = {name: sha256(content) for name, content in sorted(complete.items())}
    manifest = _dump(
        {"format": FORMAT, "model_name": model_name, "version": version, "sha256": checksums}
    )
    signature = {} if signer is None else {SIGNATURE: signer.sign(manifest)}
    return f"{version}-{sha256(manifest)[:8]}", {**complete, MANIFEST: manifest, **signature}


def sha256(content: bytes) -> str:
    """Hexadecimal SHA-256 of some bytes."""
    return hashlib.sha256(content).hexdigest()


def _read_checked(
    name: str, source: Mapping[str, bytes], verifier: Verifier | None
) -> tuple[Manifest, dict[str, bytes]]:
    """Read a bundle's files; its name vouches for the manifest, and that for the others.

    Of the model's exact form nothing is kept: it may be large, and never be asked for.
    """
    content = source[MANIFEST]
    if sha256(content)[:8] != name.rpartition("-")[2]:
        raise BundleError(f"{MANIFEST} was altered: its checksum is not the one in the name")
    if verifier is not None:
        verifier.verify(content, _signature(source), f"{MANIFEST}")
    manifest = _parse_manifest(content)
    files = {}
    for file, expected in manifest.sha256.items():
        files[file] = source[file]
        if sha256(files[file]) != expected:
            raise BundleError(f"{file} was altered: its checksum is not the one in {MANIFEST}")
        if file == MODEL:
            del files[file]
    return manifest, files


def _signature(source: Mapping[str, bytes]) -> bytes | None:
    try:
        return source[SIGNATURE]
    except (FileNotFoundError, KeyError):
        return None


def _parse_manifest(content: bytes) -> Manifest:
    found = read_json(dict[str, Any], content, MANIFEST)
    if found.get("format") != FORMAT:
        raise BundleError(
            f"format {found.get('format')!r} is not known; this version reads {FORMAT}"
        )
    manifest: Manifest = read_json(Manifest, content, MANIFEST)
    if strangers := sorted(set(manifest.sha256) - VOUCHED):
        raise BundleError(f"{MANIFEST} names {strangers[0][:80]!r}, which is no file of a bundle")
    if missing := sorted(VOUCHED - OPTIONAL - set(manifest.sha256)):
        raise BundleError(f"{MANIFEST} does not name {missing[0]}")
    return manifest


def _check_domain(domain: Domain, contract: Contract) -> None:
    """Check that what training covered can be told in the values of the contract's inputs."""
    inputs = {column.name: column for column in contract.inputs}
    if strangers := sorted({*domain.ranges, *domain.categories} - set(inputs)):
        raise BundleError(
            f"{DOMAIN} covers {strangers[0][:80]!r}, which is not an input of the model"
        )
    for name, ends in domain.ranges.items():
        try:
            low, high = (as_json(end, inputs[name]) for end in ends)
        except (OverflowError, ValueError) as error:
            raise BundleError(f"{DOMAIN}: the range of {name} holds no days") from error
        if not ends[0] <= ends[1] or math.inf in map(abs, ends):
            raise BundleError(f"{DOMAIN}: {low} to {high} is not a range of {name}")


def _record_examples(files: Mapping[str, bytes], contract: Contract) -> dict[str, Any]:
    """Predictions for rows made from the contract alone, never from anybody's data."""
    rows = example_rows(contract)
    if (fast := read_form(files, contract).evaluator) is not None:
        predicted = fast.predict_columns(encode_columns(rows, contract))
    else:
        predicted = predict_rows(read_model(files[MODEL]), rows, contract)
    return {"rows": rows, "predictions": predicted.tolist()}


def _replay(bundle: Bundle, examples: Examples) -> None:
    """Check that the model still predicts what was recorded."""
    if len(examples.rows) != len(examples.predictions):
        raise BundleError(f"{EXAMPLES} does not hold one prediction for each row")
    predicted = bundle.predict(examples.rows)
    if predicted.shape != (len(examples.rows),):
        raise BundleError("the model does not predict one value for each row")
    if not np.allclose(predicted, examples.predictions, rtol=TOLERANCE, atol=0):
        raise BundleError("the model does not predict its recorded examples")


def _read_exact(source: Mapping[str, bytes], manifest: Manifest) -> "Pipeline":
    """Read the model's exact form, which must be what the manifest vouches for."""
    content = source[MODEL]
    if sha256(content) != manifest.sha256[MODEL]:
        raise BundleError(f"{MODEL} was altered: its checksum is not the one in {MANIFEST}")
    return read_model(content)


def _dump(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()


def _say(error: Exception) -> str:
    if isinstance(error, FileNotFoundError):
        return f"{Path(str(error.filename)).name} is missing"
    return f"{error}" if isinstance(error, UserError) else f"{type(error).__name__}: {error}"
