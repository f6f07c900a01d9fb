"""When a Bento in the store is still what the project would build, and what it needs."""

from pathlib import Path

import pytest

from salary_kedro.bundle import BundleStore
from salary_kedro.bundle.bento import BentoProject, _is_made_of, needs_scikit_learn
from salary_kedro.bundle.runtime.form import Agreement, Form, Linear, NumberInput

LINE = Linear(intercept=1.0, coefficients=(2.0,), means=(0.0,), scales=(1.0,))
AGREEMENT = Agreement(rows=9, thresholds=0, of=0, largest=0.0, scikit_learn="1.9.0")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project's files, gathered; its bentofile.yaml leaves one of the two lists out."""
    return make(tmp_path / "folder", 'include: ["src/a.py"]\n')


def make(folder: Path, bentofile: str, code: str = "a = 1\n") -> Path:
    (folder / "src").mkdir(parents=True)
    (folder / "bentofile.yaml").write_text(bentofile)
    (folder / "src" / "a.py").write_text(code)
    (folder / "data" / "06_models" / "bundles" / "1-00000000").mkdir(parents=True)
    return folder


@pytest.mark.parametrize(
    ("lists", "code", "same"),
    [
        ('include: ["src/a.py"]\nexclude: []\n', "a = 1\n", True),  # as BentoML rewrites it
        ('include: ["src/a.py"]\nexclude: ["src/b.py"]\n', "a = 1\n", False),
        ('include: ["src/*.py"]\nexclude: []\n', "a = 1\n", False),
        ('include: ["src/a.py"]\nexclude: []\n', "a = 2\n", False),
    ],
)
def test_is_made_of_when_files_or_lists_differ_then_it_is_another(
    lists: str, code: str, same: bool, folder: Path, tmp_path: Path
) -> None:
    make(tmp_path / "bento" / "src", lists, code)

    assert _is_made_of(folder, tmp_path / "bento", "1-00000000") is same


@pytest.mark.parametrize(
    ("form", "needed"),
    [
        (Form(inputs=(NumberInput(column=0),), model=LINE, agreement=AGREEMENT), False),
        (Form(inputs=(NumberInput(column=0),), model=LINE), True),
        (Form(reason="an SVR has no arrays"), True),
    ],
    ids=["compared", "never compared", "none"],
)
def test_bento_when_the_bundle_has_arrays_then_needs_no_scikit_learn(
    form: Form, needed: bool, tmp_path: Path
) -> None:
    (tmp_path / "runtime.json").write_text(form.model_dump_json())

    assert needs_scikit_learn(tmp_path) is needed


def test_bento_when_the_bundle_is_older_than_arrays_then_needs_scikit_learn(tmp_path: Path) -> None:
    assert needs_scikit_learn(tmp_path)


@pytest.mark.parametrize(("exact", "lock"), [(False, "without"), (True, "with")])
def test_bento_when_scikit_learn_is_asked_for_then_gets_its_lock_although_there_are_arrays(
    exact: bool, lock: str, folder: Path, tmp_path: Path
) -> None:
    (folder / "requirements-serving.lock").write_text("without")
    (folder / "requirements-exact.lock").write_text("with")
    bundles = BundleStore(folder / "data" / "06_models" / "bundles")
    form = Form(agreement=AGREEMENT).model_dump_json()
    (bundles.folder / "1-00000000" / "runtime.json").write_text(form)

    gathered = tmp_path / "gathered"
    gathered.mkdir()

    BentoProject(folder, exact)._gather(gathered, bundles, "1-00000000")

    assert (gathered / "requirements-serving.lock").read_text() == lock


def test_bento_when_decisions_are_told_beside_the_bundles_then_carries_them_with_their_signature(
    folder: Path, tmp_path: Path
) -> None:
    (folder / "requirements-exact.lock").write_text("with")
    bundles = BundleStore(folder / "data" / "06_models" / "bundles")
    told = {"history.json": b"{}", "history.sig": b"signed"}
    for name, content in told.items():
        (bundles.folder / name).write_bytes(content)

    gathered = tmp_path / "gathered"
    gathered.mkdir()

    BentoProject(folder)._gather(gathered, bundles, "1-00000000")

    inside = gathered / "data" / "06_models" / "bundles"
    assert {name: (inside / name).read_bytes() for name in told} == told


def test_is_made_of_when_more_was_decided_since_then_it_is_the_same(
    folder: Path, tmp_path: Path
) -> None:
    bento = make(tmp_path / "bento" / "src", 'include: ["src/a.py"]\n')
    for place, decided in ((bento, "{}"), (folder, '{"more": 1}')):
        (place / "data" / "06_models" / "bundles" / "history.json").write_text(decided)

    assert _is_made_of(folder, tmp_path / "bento", "1-00000000")
