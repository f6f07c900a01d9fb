"""One bundle: what is packed, and that nothing altered, missing or wrong is ever loaded."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io

from salary_kedro.bundle import Bundle, BundleError
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.contract import Contract, ContractError
from salary_kedro.contract.domain import Domain
from salary_kedro.contract.encoding import Value
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.evaluation import features_and_target
from salary_kedro.tables.frames import learn_domain
from samples import (
    bundle_files,
    clean_column,
    column,
    columns_of_every_kind,
    constant,
    contract_of,
    seal,
    seal_manifest,
    straight_line,
)

FILES = [
    *("contract.json", "domain.json", "examples.json", "lineage.json"),
    *("metrics.json", "model.skops", "runtime.json"),
]


@pytest.fixture
def folder(contract: Contract, tmp_path: Path) -> Path:
    """A good bundle of version 1, which predicts 1,000 for each year."""
    return write(tmp_path, *pack("salaries", 1, bundle_files(contract)))


def write(parent: Path, name: str, files: dict[str, bytes]) -> Path:
    folder = parent / name
    folder.mkdir()
    for file, content in files.items():
        (folder / file).write_bytes(content)
    return folder


def load_error(folder: Path) -> str:
    """What is said of a bundle, after its name."""
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    prefix, _, reason = str(caught.value).partition(": ")
    assert prefix == f"bundle {folder.name}"
    return reason


def examples(files: dict[str, bytes]) -> dict[str, list[object]]:
    found: dict[str, list[object]] = json.loads(files["examples.json"])
    return found


# --- Packing ------------------------------------------------------------------


def test_pack_when_done_then_the_manifest_vouches_for_every_file_and_the_name_for_it(
    contract: Contract,
) -> None:
    name, files = pack("salaries", 12, bundle_files(contract))

    manifest = files.pop("manifest.json")
    assert sorted(files) == FILES
    assert json.loads(manifest) == {
        "format": 1,
        "model_name": "salaries",
        "version": 12,
        "sha256": {file: hashlib.sha256(content).hexdigest() for file, content in files.items()},
    }
    assert name == f"12-{hashlib.sha256(manifest).hexdigest()[:8]}"


def test_pack_when_done_then_passes_on_the_files_it_was_given(contract: Contract) -> None:
    given = bundle_files(contract)

    _, files = pack("salaries", 1, given)

    assert {name: files[name] for name in given} == given


def test_pack_when_done_twice_then_gives_the_same_name(contract: Contract) -> None:
    files = bundle_files(contract)

    assert pack("salaries", 1, files) == pack("salaries", 1, files)


def test_pack_when_done_then_records_predictions_over_the_features_range(
    contract: Contract,
) -> None:
    _, files = pack("salaries", 1, bundle_files(contract))

    recorded = examples(files)
    assert recorded["rows"] == [[0.0], [15.0], [30.0], [45.0], [60.0]]
    assert recorded["predictions"] == pytest.approx([0, 15000, 30000, 45000, 60000], abs=1e-6)


def test_pack_when_a_range_is_open_then_its_example_stands_for_the_open_end() -> None:
    contract = contract_of(column("age", minimum=1), column("rank"), column("pay", maximum=9))

    _, files = pack("salaries", 1, bundle_files(contract, constant(7)))

    assert examples(files) == {
        "rows": [[1, 5, 5], [2, 5, 6], [3, 5, 7], [4, 5, 8], [5, 5, 9]],
        "predictions": [7.0] * 5,
    }


def test_pack_when_a_feature_is_whole_then_its_recorded_rows_are(contract: Contract) -> None:
    whole = contract_of(column("age", kind="integer", minimum=0, maximum=10))

    _, files = pack("salaries", 1, bundle_files(whole, constant(7)))

    assert examples(files)["rows"] == [[0], [2], [5], [8], [10]]


def test_pack_when_the_contract_is_damaged_then_is_refused(contract: Contract) -> None:
    with pytest.raises(ContractError, match=r"^contract: Invalid JSON"):
        pack("salaries", 1, {**bundle_files(contract), "contract.json": b"{"})


def test_pack_when_the_model_is_damaged_then_is_refused(contract: Contract) -> None:
    with pytest.raises(UserError, match=r"^the model file cannot be loaded"):
        pack("salaries", 1, {**bundle_files(contract), "model.skops": b"garbage"})


# --- Loading -------------------------------------------------------------------


def test_load_when_all_is_well_then_gives_all_that_was_packed(
    folder: Path, contract: Contract
) -> None:
    bundle = Bundle.load(folder)

    assert (bundle.name, bundle.model_name, bundle.version) == (folder.name, "salaries", 1)
    assert bundle.contract == contract
    assert (bundle.metrics, bundle.lineage) == ({"rmse": 10.5}, Lineage(git_commit="abc"))


def test_predict_when_rows_are_given_then_gives_one_value_a_row(folder: Path) -> None:
    found = Bundle.load(folder).predict([[1.0], [2.5]])

    assert (found.dtype, found.shape) == (np.float64, (2,))
    np.testing.assert_allclose(found, [1000, 2500])


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_predict_when_an_optional_value_is_none_then_takes_the_training_median(
    tmp_path: Path,
) -> None:
    contract = contract_of(column("age", required=False))
    model = build_pipeline(contract, "linear_regression", {}, 234)
    model.fit(pd.DataFrame({"age": [1.0, 2.0, 9.0]}), [10.0, 20.0, 90.0])
    folder = write(tmp_path, *pack("salaries", 1, bundle_files(contract, model)))

    np.testing.assert_allclose(Bundle.load(folder).predict([[None], [4.0]]), [20, 40])


@pytest.mark.parametrize("file", FILES)
def test_load_when_a_file_was_altered_then_names_it(file: str, folder: Path) -> None:
    with (folder / file).open("ab") as content:
        content.write(b" ")

    assert load_error(folder) == (
        f"{file} was altered: its checksum is not the one in manifest.json"
    )


def test_load_when_the_manifest_was_altered_then_says_so(folder: Path) -> None:
    with (folder / "manifest.json").open("ab") as content:
        content.write(b" ")

    assert load_error(folder) == (
        "manifest.json was altered: its checksum is not the one in the name"
    )


@pytest.mark.parametrize("file", [*FILES, "manifest.json"])
def test_load_when_a_file_is_missing_then_names_it(file: str, folder: Path) -> None:
    (folder / file).unlink()

    assert load_error(folder) == f"{file} is missing"


def test_load_when_it_knows_what_training_covered_then_gives_that(
    contract: Contract, tmp_path: Path
) -> None:
    domain = Domain(ranges={"experience_years": (1, 10)})
    files = {**bundle_files(contract), "domain.json": domain.model_dump_json().encode()}

    assert Bundle.load(write(tmp_path, *pack("salaries", 1, files))).domain == domain


def test_load_when_it_was_packed_without_a_domain_then_knows_of_none(
    contract: Contract, tmp_path: Path
) -> None:
    _, files = pack("salaries", 1, bundle_files(contract))
    del files["domain.json"], files["manifest.json"]

    assert Bundle.load(write(tmp_path, *seal(files))).domain == Domain()


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_load_when_the_contract_has_every_kind_then_predicts_rows_with_and_without_values(
    tmp_path: Path,
) -> None:
    contract = contract_of(*columns_of_every_kind())
    clean = pd.DataFrame(
        {
            feature.name: clean_column([feature.example] * 10, feature)
            for feature in contract.columns
        }
    )
    domain = learn_domain(clean, contract)
    model = build_pipeline(contract, "linear_regression", {}, 234, domain)
    model.fit(*features_and_target(clean, contract))
    files = {**bundle_files(contract, model), "domain.json": domain.model_dump_json().encode()}

    bundle = Bundle.load(write(tmp_path, *pack("salaries", 1, files)))

    rows: list[list[Value]] = [
        [30, 2, "senior", "cook", True, "2020-01-02"],
        [None] * 6,
    ]
    # All training rows had the one salary of the example.
    np.testing.assert_allclose(bundle.predict(rows), [50000, 50000])


def test_load_when_there_is_no_such_bundle_then_is_a_bundle_error(tmp_path: Path) -> None:
    assert load_error(tmp_path / "1-00000000") == "manifest.json is missing"


def test_load_when_it_is_a_file_then_is_a_bundle_error(tmp_path: Path) -> None:
    (tmp_path / "1-00000000").write_text("not a folder")

    assert load_error(tmp_path / "1-00000000").startswith("NotADirectoryError: ")


def test_load_when_the_folder_bears_another_checksum_then_is_refused(folder: Path) -> None:
    assert load_error(folder.rename(folder.with_name("1-00000000"))) == (
        "manifest.json was altered: its checksum is not the one in the name"
    )


def test_load_when_the_folder_bears_another_version_then_is_refused(folder: Path) -> None:
    other = folder.rename(folder.with_name(folder.name.replace("1-", "2-", 1)))

    assert load_error(other) == "its folder's name does not begin with 1"


def test_load_when_the_format_is_of_another_version_then_says_which(tmp_path: Path) -> None:
    folder = write(tmp_path, *seal_manifest({}, b'{"format": 2}'))

    assert load_error(folder) == "format 2 is not known; this version reads 1"


@pytest.mark.parametrize("manifest", [b"", b"{}", b"[]", b"null", b'{"format": 1, "sha256": []}'])
def test_load_when_the_manifest_is_malformed_then_is_a_bundle_error(
    manifest: bytes, tmp_path: Path
) -> None:
    assert load_error(write(tmp_path, *seal_manifest({}, manifest)))


@pytest.mark.parametrize("file", ["contract.json", "examples.json", "metrics.json"])
def test_load_when_a_vouched_file_is_malformed_then_is_a_bundle_error(
    file: str, contract: Contract, tmp_path: Path
) -> None:
    _, files = pack("salaries", 1, bundle_files(contract))
    del files["manifest.json"]

    assert load_error(write(tmp_path, *seal({**files, file: b"{"})))


def recorded(contract: Contract, parent: Path, factor: float, model: bytes | None = None) -> Path:
    """A bundle whose recorded predictions were multiplied, all its checksums right."""
    _, files = pack("salaries", 1, bundle_files(contract, constant(1000)))
    del files["manifest.json"]
    content = {"rows": [[5.0]], "predictions": [1000 * factor]}
    files["examples.json"] = json.dumps(content).encode()
    return write(parent, *seal({**files, "model.skops": model or files["model.skops"]}))


def test_load_when_the_model_predicts_something_else_then_is_refused(
    contract: Contract, tmp_path: Path
) -> None:
    assert load_error(recorded(contract, tmp_path, 1 + 1e-8)) == (
        "the model does not predict its recorded examples"
    )


def test_load_when_predictions_differ_by_rounding_then_is_loaded(
    contract: Contract, tmp_path: Path
) -> None:
    assert Bundle.load(recorded(contract, tmp_path, 1 + 1e-10)).version == 1


def test_load_when_the_model_has_a_type_not_on_the_list_then_is_refused(
    contract: Contract, tmp_path: Path
) -> None:
    folder = recorded(contract, tmp_path, 1, model=b"garbage")

    assert load_error(folder) == "the model file cannot be loaded: File is not a zip file"


def test_load_when_the_model_is_of_a_version_that_cannot_predict_then_is_a_bundle_error(
    contract: Contract, tmp_path: Path
) -> None:
    model = straight_line(contract)
    del model.named_steps["model"].intercept_  # as if another scikit-learn had written it
    folder = recorded(contract, tmp_path, 1, model=skops.io.dumps(model))

    assert "intercept_" in load_error(folder)
