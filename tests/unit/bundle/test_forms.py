"""The two forms of a bundle's model: which one predicts, and why."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import skops.io

from salary_kedro.bundle import Bundle, BundleError, model_file
from salary_kedro.bundle.bundle import pack
from salary_kedro.bundle.runtime import agreement
from salary_kedro.bundle.runtime.evaluate import Evaluator
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from samples import bundle_files, constant, seal, straight_line

Files = dict[str, bytes]


def stairs(contract: Contract) -> Files:
    """The files that a bundle of a decision tree is packed from."""
    years = pd.DataFrame({contract.feature_names[0]: [0.0, 10, 20]})
    model = build_pipeline(contract, "decision_tree", {}, 234).fit(years, [100.0, 200, 300])
    return bundle_files(contract, model)


def packed(files: Files) -> Files:
    _, found = pack("salaries", 1, files)
    return found


def sealed(files: Files) -> Files:
    return {name: content for name, content in files.items() if name != "manifest.json"}


def write(parent: Path, files: Files) -> Path:
    """A bundle whose manifest vouches for all its files."""
    name, complete = seal(sealed(files))
    folder = parent / name
    folder.mkdir()
    for file, content in complete.items():
        (folder / file).write_bytes(content)
    return folder


def changed(content: bytes, **changes: Any) -> bytes:
    return json.dumps({**json.loads(content), **changes}).encode()


def refusal(folder: Path) -> str:
    with pytest.raises(BundleError) as caught:
        Bundle.load(folder)
    return str(caught.value).partition(": ")[2]


# --- Which one ------------------------------------------------------------------------


def test_load_when_arrays_agree_then_they_predict_and_it_says_so(
    contract: Contract, tmp_path: Path
) -> None:
    bundle = Bundle.load(write(tmp_path, packed(stairs(contract))))

    assert bundle.form == "arrays"
    assert bundle.form_reason.startswith("its arrays predicted ")
    assert bundle.form_reason.endswith(" does, to the last bit")
    assert [bundle.predict_row([years]) for years in (5.0, 5.5, 15.0)] == [100, 200, 200]
    assert bundle.predict_columns([[5.0, 5.5, 60]]).tolist() == [100, 200, 300]
    assert bundle.model.predict([[5.0]]).tolist() == [100]


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_pack_when_an_estimator_disagrees_with_its_arrays_then_is_served_by_itself(
    contract: Contract, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    honest = Evaluator.predict_columns
    monkeypatch.setattr(
        agreement.Evaluator, "predict_columns", lambda self, columns: honest(self, columns) + 1
    )

    bundle = Bundle.load(write(tmp_path, packed(stairs(contract))))

    assert bundle.form == "scikit-learn"
    assert bundle.form_reason.startswith("it has no arrays: the arrays predict ")
    assert bundle.predict_row([5.0]) == 100


def test_pack_when_the_estimator_is_not_understood_then_is_served_by_itself(
    contract: Contract, tmp_path: Path
) -> None:
    bundle = Bundle.load(write(tmp_path, packed(bundle_files(contract, constant(7)))))

    assert (bundle.form, bundle.predict([[1.0], [2.0]]).tolist()) == ("scikit-learn", [7, 7])
    assert bundle.form_reason == "it has no arrays: its steps are DummyRegressor"


def test_load_when_an_older_release_packed_it_then_its_exact_form_predicts(
    contract: Contract, tmp_path: Path
) -> None:
    files = packed(stairs(contract))
    del files["runtime.json"], files["runtime.npz"]

    bundle = Bundle.load(write(tmp_path, files))

    assert (bundle.form, bundle.predict_row([5.0])) == ("scikit-learn", 100)
    assert bundle.form_reason == "the release that made it made no arrays"


# --- Without what the exact form needs ----------------------------------------------------


LOAD = """
import sys
from pathlib import Path
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in ("sklearn", "skops", "scipy"):
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Missing())
from salary_kedro.bundle import Bundle, BundleError
try:
    print(Bundle.load(Path(sys.argv[1])).predict_row([5.0]))
except BundleError as error:
    print(error)
"""


def load_without_sklearn(folder: Path) -> str:
    command = [sys.executable, "-c", LOAD, str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.mark.process
def test_load_when_scikit_learn_is_not_installed_then_arrays_predict_without_it(
    contract: Contract, tmp_path: Path
) -> None:
    assert load_without_sklearn(write(tmp_path, packed(stairs(contract)))) == "100.0"


@pytest.mark.process
def test_load_when_scikit_learn_is_not_installed_and_there_are_no_arrays_then_says_what_is_needed(
    contract: Contract, tmp_path: Path
) -> None:
    folder = write(tmp_path, packed(bundle_files(contract, constant(7))))

    assert load_without_sklearn(folder) == f"bundle {folder.name}: {model_file.NOT_INSTALLED}"


# --- Arrays that outlive the exact form --------------------------------------------------


def test_pack_when_only_the_arrays_load_then_they_are_packed(
    contract: Contract, tmp_path: Path
) -> None:
    logged = sealed(packed(stairs(contract)))

    bundle = Bundle.load(write(tmp_path, packed({**logged, "model.skops": b"unreadable"})))

    assert (bundle.form, bundle.predict_row([15.0])) == ("arrays", 200)
    with pytest.raises(UserError, match="the model file cannot be loaded"):
        bundle.model  # noqa: B018 - reads it


def test_pack_when_the_model_loads_but_cannot_predict_any_more_then_its_arrays_are_packed(
    contract: Contract, tmp_path: Path
) -> None:
    logged, model = sealed(packed(bundle_files(contract))), straight_line(contract)
    del model.named_steps["model"].intercept_  # as if another scikit-learn had written it

    bundle = Bundle.load(write(tmp_path, packed({**logged, "model.skops": skops.io.dumps(model)})))

    assert bundle.form == "arrays"
    assert bundle.predict_row([2.5]) == pytest.approx(2500)


def test_pack_when_neither_form_loads_then_is_refused(contract: Contract) -> None:
    with pytest.raises(UserError, match="the model file cannot be loaded"):
        pack("salaries", 1, {**bundle_files(contract), "model.skops": b"unreadable"})


def test_pack_when_the_model_predicts_otherwise_by_now_then_leaves_its_arrays_out(
    contract: Contract, tmp_path: Path
) -> None:
    logged = sealed(packed(stairs(contract)))
    other = skops.io.dumps(straight_line(contract))

    bundle = Bundle.load(write(tmp_path, packed({**logged, "model.skops": other})))

    assert bundle.form_reason.startswith("it has no arrays: by now, the arrays predict ")
    assert bundle.predict_row([15.0]) == pytest.approx(15_000)


def bounded(files: Files, most: float) -> Files:
    """The files of a tree whose arrays take smaller numbers alone than its model does."""
    form = json.loads(files["runtime.json"])
    model = {**form["model"], "most": most}
    return {**files, "runtime.json": changed(files["runtime.json"], model=model)}


def test_pack_when_the_arrays_fail_where_the_model_predicts_then_leaves_them_out(
    contract: Contract, tmp_path: Path
) -> None:
    logged = bounded(sealed(packed(stairs(contract))), most=59)

    bundle = Bundle.load(write(tmp_path, packed(logged)))

    assert bundle.form_reason == (
        "it has no arrays: by now, ValueError where the arrays were compared with the model"
    )
    assert bundle.predict_row([60]) == 300


def uncompared(files: Files) -> Files:
    return {**files, "runtime.json": changed(files["runtime.json"], agreement=None)}


def test_pack_when_logged_arrays_were_never_compared_then_they_are_now(
    contract: Contract, tmp_path: Path
) -> None:
    files = packed(uncompared(sealed(packed(stairs(contract)))))

    assert json.loads(files["runtime.json"])["agreement"]["largest"] == 0
    assert Bundle.load(write(tmp_path, files)).form == "arrays"


def test_model_when_its_file_was_altered_since_the_bundle_was_loaded_then_is_refused(
    contract: Contract, tmp_path: Path
) -> None:
    folder = write(tmp_path, packed(stairs(contract)))
    bundle = Bundle.load(folder)
    years = pd.DataFrame({contract.feature_names[0]: [0.0, 10]})
    other = build_pipeline(contract, "decision_tree", {}, 234).fit(years, [1.0, 2])
    (folder / "model.skops").write_bytes(skops.io.dumps(other))

    with pytest.raises(BundleError, match=r"^model\.skops was altered"):
        _ = bundle.model


def test_load_when_arrays_were_never_compared_then_the_exact_form_predicts(
    contract: Contract, tmp_path: Path
) -> None:
    bundle = Bundle.load(write(tmp_path, uncompared(packed(stairs(contract)))))

    assert (bundle.form, bundle.predict_row([15.0])) == ("scikit-learn", 200)
    assert bundle.form_reason == "its arrays were never compared with scikit-learn"


def test_load_when_uncompared_arrays_are_all_there_is_then_they_predict_and_it_says_so(
    contract: Contract, tmp_path: Path
) -> None:
    files = {**uncompared(packed(stairs(contract))), "model.skops": b"unreadable"}

    bundle = Bundle.load(write(tmp_path, files))

    assert (bundle.form, bundle.predict_row([15.0])) == ("arrays", 200)
    assert bundle.form_reason == (
        "its arrays were never compared with scikit-learn, and serve only where its exact form "
        "cannot"
    )


@pytest.mark.parametrize("damage", [{"runtime.json": b"{"}, {"runtime.npz": b"PK"}])
def test_pack_when_logged_arrays_are_damaged_then_makes_them_anew_and_says_so(
    damage: Files, contract: Contract, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    logged = sealed(packed(stairs(contract)))

    bundle = Bundle.load(write(tmp_path, packed({**logged, **damage})))

    assert (bundle.form, bundle.predict_row([15.0])) == ("arrays", 200)
    assert [record.getMessage().partition(":")[0] for record in caplog.records] == [
        "the arrays logged with the model are damaged, and are made anew"
    ]


def test_pack_when_arrays_and_model_are_damaged_then_is_refused(contract: Contract) -> None:
    logged = {**sealed(packed(stairs(contract))), "model.skops": b"unreadable"}

    with pytest.raises(UserError, match=r"^runtime\.npz"):
        pack("salaries", 1, {**logged, "runtime.npz": b"PK"})


@pytest.mark.filterwarnings("ignore:X does not have valid feature names:UserWarning")
def test_load_when_trees_are_added_up_in_any_order_then_does_not_claim_the_last_bit(
    contract: Contract, tmp_path: Path
) -> None:
    years = pd.DataFrame({contract.feature_names[0]: [0.0, 10, 20]})
    forest = build_pipeline(contract, "random_forest", {"n_jobs": 2, "n_estimators": 2}, 234)
    files = bundle_files(contract, forest.fit(years, [100.0, 200, 300]))

    bundle = Bundle.load(write(tmp_path, packed(files)))

    assert bundle.form_reason.endswith(" does, within 1e-9")


def test_pack_when_it_was_found_that_there_are_no_arrays_then_none_are_made_again(
    contract: Contract, tmp_path: Path
) -> None:
    found = {"runtime.json": b'{"format": 1, "reason": "they differ on the holdout"}'}

    bundle = Bundle.load(write(tmp_path, packed({**stairs(contract), **found})))

    assert bundle.form_reason == "it has no arrays: they differ on the holdout"


def test_parse_when_others_bring_arrays_then_the_exact_form_predicts(contract: Contract) -> None:
    """What an archive claims to be a model's arrays may be another model's."""
    other = stairs(contract) | {"model.skops": skops.io.dumps(straight_line(contract))}
    files = sealed(packed(other)) | {
        name: content
        for name, content in packed(stairs(contract)).items()
        if name.startswith("runtime")
    }

    bundle = Bundle.parse(*seal(files))

    assert (bundle.form, bundle.predict_row([15.0])) == ("scikit-learn", pytest.approx(15_000))


# --- Damage ----------------------------------------------------------------------------


def test_load_when_arrays_predict_something_else_then_is_refused(
    contract: Contract, tmp_path: Path
) -> None:
    files = packed(bundle_files(contract))
    form = json.loads(files["runtime.json"])
    form["model"]["intercept"] += 1
    files["runtime.json"] = json.dumps(form).encode()

    assert refusal(write(tmp_path, files)) == "the model does not predict its recorded examples"


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"format": 2}', b'{"format": 1}'])
def test_load_when_the_form_is_malformed_then_is_refused(
    content: bytes, contract: Contract, tmp_path: Path
) -> None:
    files = {**packed(stairs(contract)), "runtime.json": content}

    assert refusal(write(tmp_path, files)).startswith("runtime.json")


@pytest.mark.parametrize("missing", ["runtime.json", "runtime.npz"])
def test_load_when_half_of_the_arrays_is_missing_then_is_refused(
    missing: str, contract: Contract, tmp_path: Path
) -> None:
    files = packed(stairs(contract))
    del files[missing]

    assert refusal(write(tmp_path, files)).startswith("runtime.npz")


@pytest.mark.parametrize("seed", range(40))
def test_load_when_bytes_of_the_arrays_are_altered_and_sealed_anew_then_loads_or_is_refused(
    seed: int, contract: Contract, tmp_path: Path
) -> None:
    """Whatever they hold by then, it neither loops nor fails in another way."""
    random = np.random.default_rng(seed)
    files = packed(stairs(contract))
    content = bytearray(files["runtime.npz"])
    for place in random.integers(0, len(content), 1 + seed % 4):
        content[place] = random.integers(256)
    try:
        found = Bundle.load(write(tmp_path, {**files, "runtime.npz": bytes(content)}))
    except BundleError:
        return
    assert found.predict([[5.0]]).shape == (1,)
