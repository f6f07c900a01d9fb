"""What an upgrade of scikit-learn has left behind, or would, and in which words."""

import io
import json
import zipfile
from pathlib import Path

import pytest
import skops.io

from salary_kedro.bundle.model_file import SavedBy, saved_by
from salary_kedro.bundle.runtime.agreement import make_runtime
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.names import ModelName
from salary_kedro.upkeep import aging
from salary_kedro.upkeep.aging import check_aging, is_outlived
from samples import default_contract

CONTRACT = default_contract()


@pytest.fixture(autouse=True)
def _installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if 1.9.3 were installed."""
    monkeypatch.setattr(aging, "version", lambda name: "1.9.3")


def logged(folder: Path, model: ModelName, saved: str, *, arrays: bool, loads: bool = True) -> Path:
    """The folder of a logged model, as some version of scikit-learn has left it."""
    (folder / "extra_files").mkdir(parents=True)
    fitted = build_pipeline(CONTRACT, model, {}, 234).fit([[0.0], [60.0]], [1.0, 2.0])
    files = make_runtime(fitted, CONTRACT) if arrays else {}
    files["contract.json"] = CONTRACT.model_dump_json().encode()
    for name, content in files.items():
        (folder / "extra_files" / name).write_bytes(content)
    skops.io.dump(fitted, folder / "new.skops")
    with zipfile.ZipFile(folder / "new.skops") as source:
        members = {name: source.read(name).decode("latin-1") for name in source.namelist()}
    schema = members["schema.json"].replace(json.dumps(fitted_by()), json.dumps(f'"{saved}"'))
    members["schema.json"] = schema if loads else schema.replace("ColumnTransformer", "Gone")
    with zipfile.ZipFile(folder / "model.skops", "w") as target:
        for name, text in members.items():
            target.writestr(name, text.encode("latin-1"))
    return folder


def fitted_by() -> str:
    """The installed version, as the file of a model holds it."""
    import sklearn

    return f'"{sklearn.__version__}"'


def told(**folders: Path) -> str:
    """What is found of some versions, `v3` for version 3."""
    found = check_aging({int(name[1:]): folder for name, folder in folders.items()})
    return "; ".join(finding.what for finding in found)


def test_saved_by_when_a_model_was_saved_then_tells_version_and_boosting(tmp_path: Path) -> None:
    old = logged(tmp_path / "a", "hist_gradient_boosting", "1.8.2", arrays=False)
    line = logged(tmp_path / "b", "ridge", "1.9.1", arrays=False)

    assert saved_by(old / "model.skops") == SavedBy("1.8.2", is_boosting=True)
    assert saved_by(line / "model.skops") == SavedBy("1.9.1", is_boosting=False)


def otherwise_packed() -> bytes:
    """A zip whose description is said to be packed as nobody packs."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as source:
        source.writestr("schema.json", "{}")
    content = bytearray(target.getvalue())
    content[content.index(b"PK\x01\x02") + 10] = 99
    return bytes(content)


@pytest.mark.parametrize("content", [None, b"", b"garbage", otherwise_packed()])
def test_saved_by_when_there_is_no_model_then_is_not_known(
    content: bytes | None, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "model.skops").write_bytes(content)

    assert saved_by(tmp_path / "model.skops") is None


def test_check_when_boosting_was_saved_by_an_earlier_release_without_arrays_then_is_lost(
    tmp_path: Path,
) -> None:
    lost = logged(tmp_path, "hist_gradient_boosting", "1.8.2", arrays=False, loads=False)

    assert told(v3=lost) == (
        "scikit-learn 1.9.3 cannot load the model of version 3 (saved by 1.8.2), and there are no "
        "arrays"
    )
    assert not is_outlived(lost)


def test_check_when_boosting_was_saved_by_an_earlier_release_with_arrays_then_they_predict(
    tmp_path: Path,
) -> None:
    outlived = logged(tmp_path, "hist_gradient_boosting", "1.8.2", arrays=True, loads=False)

    assert told(v3=outlived) == (
        "scikit-learn 1.9.3 cannot load the model of version 3 (saved by 1.8.2); arrays predict"
    )
    assert is_outlived(outlived)


def test_check_when_the_next_upgrade_would_leave_models_behind_then_names_them(
    tmp_path: Path,
) -> None:
    own = logged(tmp_path / "a", "hist_gradient_boosting", "1.9.0", arrays=False)
    other = logged(tmp_path / "b", "linear_regression", "1.8.0", arrays=False)

    assert told(v1=own, v2=other) == (
        "another minor version of scikit-learn may not load the model of version 1 (saved by "
        "1.9.0), version 2 (saved by 1.8.0), and there are no arrays"
    )


def test_check_when_models_have_arrays_or_are_lines_of_this_release_then_finds_nothing(
    tmp_path: Path,
) -> None:
    boosting = logged(tmp_path / "a", "hist_gradient_boosting", "1.9.0", arrays=True)
    line = logged(tmp_path / "b", "linear_regression", "1.9.0", arrays=False)

    assert told(v1=boosting, v2=line, v3=tmp_path / "gone") == ""


def test_is_outlived_when_the_file_of_this_release_is_damaged_then_is_not(tmp_path: Path) -> None:
    """Arrays predict, but what was lost must be said."""
    altered = logged(tmp_path / "a", "linear_regression", "1.9.0", arrays=True, loads=False)
    damaged = logged(tmp_path / "b", "linear_regression", "1.8.0", arrays=True)
    (damaged / "model.skops").write_bytes(b"garbage")

    assert not is_outlived(altered)
    assert not is_outlived(damaged)
