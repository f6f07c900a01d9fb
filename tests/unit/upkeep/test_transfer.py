"""Archives between two stores; what arrives is what left, or nothing arrives."""

import io
import json
import random
import sqlite3
import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import mlflow
import numpy as np
import pandas as pd
import pytest
import skops.io
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from mlflow import MlflowClient
from sklearn.compose import TransformedTargetRegressor
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.bundle import DOMAIN, Bundle, pack, sha256
from salary_kedro.bundle.limits import RUNTIME_ARRAYS
from salary_kedro.bundle.lineage import Lineage
from salary_kedro.bundle.model_file import read_model
from salary_kedro.bundle.signing import Signer, Verifier
from salary_kedro.contract import Contract
from salary_kedro.contract.domain import Domain
from salary_kedro.errors import UserError
from salary_kedro.promotion.alignment import new_record
from salary_kedro.promotion.by_hand import promote_by_hand, roll_back
from salary_kedro.promotion.contest import decide_contest
from salary_kedro.promotion.judge import Judge
from salary_kedro.promotion.packaging import pack_version
from salary_kedro.promotion.verdict import Policy
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage
from salary_kedro.registry.tracking import log_training
from salary_kedro.upkeep.transfer import (
    CHECKSUMS,
    MEMBERS,
    OPTIONAL,
    archive,
    export_version,
    import_version,
    read_archive,
)
from samples import bundle_files, contract_of, straight_line
from stores import (
    EXPERIMENT,
    MODEL_NAME,
    NO_GROUPS,
    NO_REJECTED_ROWS,
    StoreTemplate,
    copy_database,
    forget_store,
    own_registry,
    start_run,
)

pytestmark = pytest.mark.slow  # whole archives, written and read

CONTRACT = contract_of(
    {"column": "Years", "name": "years", "kind": "number", "unit": "years", "minimum": 0,
     "maximum": 60, "example": 5, "label": "Years"}
)  # fmt: skip
LINEAGE = {f"{part}_sha256": part * 3 for part in ("data", "parameters", "code", "lock")}
METRICS = {"rmse": 10.5, "r2": 0.875}
VERDICT = {"action": "archive", "reason": "version 1 is not promoted: a loss of 1.0"}
ROWS = [[0.0], [2.5], [60.0]]
GROUPS = {"rows": 9, "min_rows": 5, "confidence": 0.95, "columns": []}
#: What the archive of a line holds: it has no trees.
HELD = [name for name in MEMBERS if name != RUNTIME_ARRAYS]

Files = dict[str, bytes]


@pytest.fixture
def registry(store: str) -> Registry:
    """The registry of an empty store."""
    return own_registry()


@pytest.fixture(scope="module")
def exported(store_template: StoreTemplate, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The archive of version 2, a line that rises by 1000 a year from 0."""
    folder = tmp_path_factory.mktemp("source")
    copy_database(store_template.beginning, folder / "mlflow.db")
    mlflow.set_tracking_uri(f"sqlite:///{folder}/mlflow.db")
    registry = own_registry()
    MlflowClient().create_experiment(EXPERIMENT, (folder / "artifacts").as_uri())
    train(registry, straight_line(CONTRACT, 500.0))
    train(registry, straight_line(CONTRACT))
    state = registry.state()
    registry.record(new_record(state, "archiving", 2, "worse", after=None, evidence=VERDICT))
    export_version(registry, 2, folder / "two.zip")
    forget_store()
    return folder / "two.zip"


def dump(registry: Registry) -> list[str]:
    """Every row of a store."""
    with closing(sqlite3.connect(registry.uri.removeprefix("sqlite:///"))) as connection:
        return list(connection.iterdump())


def train(registry: Registry, model: Pipeline) -> int:
    """Log a model and register it as a version."""
    with start_run():
        mlflow.log_params({"data_science.model": "linear_regression"})
        logged = log_training(
            model=model,
            contract=CONTRACT,
            domain=Domain(),
            metrics=METRICS,
            lineage=Lineage.model_validate(LINEAGE),
            figures={},
            group_metrics=NO_GROUPS,
            rejected_rows=NO_REJECTED_ROWS,
        )
    return registry.register(logged.model_uri, logged.run_id, logged.rmse).number


def members_of(file: Path) -> Files:
    with zipfile.ZipFile(file) as source:
        return {name: source.read(name) for name in source.namelist()}


def write_zip(file: Path, files: Files) -> Path:
    with zipfile.ZipFile(file, "w") as target:
        for name, content in files.items():
            target.writestr(name, content)
    return file


def resealed(source: Path, target: Path, **changed: bytes) -> Path:
    """An archive whose checksums hold, with other members; `a_json` stands for `a.json`."""
    files = {name: content for name, content in members_of(source).items() if name != CHECKSUMS}
    files |= {name.replace("_", "."): content for name, content in changed.items()}
    if "manifest_json" not in changed:
        manifest = json.loads(files["manifest.json"])
        manifest["sha256"] = {name: sha256(files[name]) for name in manifest["sha256"]}
        files["manifest.json"] = json.dumps(manifest).encode()
    target.write_bytes(archive(files))
    return target


# --- There and back ----------------------------------------------------------


def test_import_when_the_store_is_another_then_the_version_is_the_same(
    exported: Path, registry: Registry
) -> None:
    number = import_version(registry, EXPERIMENT, read_archive(exported))

    version = registry.version(number)
    folder = registry.model_folder(number)
    model = read_model(folder / "model.skops")
    assert (number, version.stages) == (1, {Stage.ARCHIVED: "10.5"})
    assert np.array_equal(model.predict(ROWS), straight_line(CONTRACT).predict(ROWS))
    assert Contract.parse((folder / "extra_files" / "contract.json").read_bytes()) == CONTRACT
    assert registry.lineage(number).texts() == LINEAGE
    run = registry.run(version)
    assert run.metrics == METRICS
    assert run.parameters == {"data_science.model": "linear_regression"}
    assert MlflowClient().get_run(version.run_id).info.run_name == (
        "linear_regression · RMSE 10.5 · version 1"
    )


@pytest.mark.parametrize(
    ("file", "told"),
    [
        ("domain.json", {"ranges": {"years": [1.0, 30.0]}}),
        ("calibration.json", {"reason": "too few rows"}),
        ("report.json", {"groups": GROUPS}),
        ("background.json", {"inputs": {"years": {"values": [2.5], "shares": [1.0]}}}),
        ("profile.json", {"errors": {"rows": 9, "mean_square": 4.0, "spread": 1.5}}),
    ],
)
def test_import_when_training_found_something_out_then_it_is_beside_the_model(
    file: str, told: dict[str, Any], exported: Path, registry: Registry, tmp_path: Path
) -> None:
    known = {**json.loads(members_of(exported)[file]), **told}
    brought = resealed(exported, tmp_path / "a.zip", **{file: json.dumps(known).encode()})

    number = import_version(registry, EXPERIMENT, read_archive(brought))

    logged = (registry.model_folder(number) / "extra_files" / file).read_bytes()
    assert json.loads(logged) == known


def test_import_when_nothing_is_in_production_then_history_tells_and_nothing_is_promoted(
    exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))

    state = registry.state()
    (record,) = state.history
    assert state.alias is None
    assert (record.action, record.state, record.version) == ("import", "done", 1)
    assert (record.before, record.after, record.evidence) == (None, None, VERDICT)
    assert record.why == (
        "version 1 was imported: version 2 of 'salaries'; its RMSE 10.5 is claimed, not measured "
        "here"
    )


def test_import_when_a_version_is_in_production_then_it_stays_so(
    exported: Path, registry: Registry
) -> None:
    train(registry, straight_line(CONTRACT, 2.0))
    promote_by_hand(registry, 1, "the first")

    import_version(registry, EXPERIMENT, read_archive(exported))

    state = registry.state()
    assert state.alias == 1
    assert [set(version.stages) for version in state.versions.values()] == [
        {Stage.PRODUCTION},
        {Stage.ARCHIVED},
    ]
    assert (state.history[-1].before, state.history[-1].after) == (1, 1)


def test_import_when_promoted_by_hand_then_it_is_in_production(
    exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))

    promote_by_hand(registry, 1, "agreed")

    assert registry.state().alias == 1


def test_import_when_another_version_is_settled_then_does_not_contest(
    exported: Path, registry: Registry
) -> None:
    train(registry, straight_line(CONTRACT, 2.0))
    promote_by_hand(registry, 1, "the first")
    import_version(registry, EXPERIMENT, read_archive(exported))  # it would win: no error at all
    train(registry, straight_line(CONTRACT, 3.0))
    holdout = pd.DataFrame({"years": [1.0, 2.0], "salary": [1000.0, 2000.0]})

    decide_contest(registry, registry.version(3), Judge(registry, holdout, Policy()))

    state = registry.state()
    assert state.alias == 3
    assert state.versions[2].stages == {Stage.ARCHIVED: "10.5"}


def test_import_when_the_same_archive_comes_twice_then_there_are_two_versions(
    exported: Path, registry: Registry
) -> None:
    numbers = [import_version(registry, EXPERIMENT, read_archive(exported)) for _ in range(2)]

    assert numbers == [1, 2]
    assert [record.version for record in registry.state().history] == [1, 2]


def test_import_when_a_killed_one_left_a_version_then_the_next_keeps_it_archived(
    exported: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Registry, "record", interrupt)
    with pytest.raises(KeyboardInterrupt):
        import_version(registry, EXPERIMENT, read_archive(exported))
    monkeypatch.undo()

    import_version(registry, EXPERIMENT, read_archive(exported))

    stages = [set(version.stages) for version in registry.state().versions.values()]
    assert stages == [{Stage.ARCHIVED}, {Stage.ARCHIVED}]


def interrupt(*_: Any) -> None:
    raise KeyboardInterrupt


def test_export_when_an_import_is_exported_then_is_the_same_and_says_that_its_rmse_is_claimed(
    exported: Path, registry: Registry, tmp_path: Path
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))

    export_version(registry, 1, tmp_path / "again.zip")

    first, again = members_of(exported), members_of(tmp_path / "again.zip")
    changed = {name for name in first if first[name] != again[name]}
    assert changed <= {"model.skops", "manifest.json", CHECKSUMS, "lineage.json"}
    source = "claimed by an archive: version 2 of 'salaries'"
    assert json.loads(again["lineage.json"]) == {**LINEAGE, "rmse_source": source}


# --- Writing -----------------------------------------------------------------


def test_export_when_done_twice_then_the_bytes_are_the_same(
    registry: Registry, tmp_path: Path
) -> None:
    train(registry, straight_line(CONTRACT))

    for name in ("one.zip", "two.zip"):
        export_version(registry, 1, tmp_path / name)

    assert (tmp_path / "one.zip").read_bytes() == (tmp_path / "two.zip").read_bytes()
    assert members_of(tmp_path / "one.zip")["verdict.json"] == b"null"


def test_archive_when_made_then_names_are_sorted_and_times_are_fixed(exported: Path) -> None:
    with zipfile.ZipFile(exported) as source:
        members = source.infolist()

    assert [member.filename for member in members] == sorted([*HELD, CHECKSUMS])
    assert {member.date_time for member in members} == {(1980, 1, 1, 0, 0, 0)}


def test_archive_when_made_then_holds_no_path_of_this_machine(
    exported: Path, tmp_path: Path
) -> None:
    assert str(tmp_path.parents[1]).encode() not in exported.read_bytes()


@pytest.mark.parametrize(
    ("file", "message"),
    [
        ("taken.zip", r"taken\.zip exists already: choose another name, or remove it$"),
        ("folder", r"folder exists already: choose another name, or remove it$"),
        ("nowhere/a.zip", r"nowhere/a\.zip cannot be written \(No such file or directory\): .*"),
        ("taken.zip/a.zip", r"taken\.zip/a\.zip cannot be written \(Not a directory\): .*"),
    ],
)
def test_export_when_the_file_cannot_be_new_then_says_so_and_leaves_all_as_it_was(
    file: str, message: str, registry: Registry, tmp_path: Path
) -> None:
    train(registry, straight_line(CONTRACT))
    (tmp_path / "taken.zip").write_text("mine")
    (tmp_path / "folder").mkdir()
    before = sorted(tmp_path.iterdir())

    with pytest.raises(UserError, match=message):
        export_version(registry, 1, tmp_path / file)

    assert sorted(tmp_path.iterdir()) == before
    assert (tmp_path / "taken.zip").read_text() == "mine"


def test_export_when_the_version_is_unknown_then_says_so_and_writes_nothing(
    registry: Registry, tmp_path: Path
) -> None:
    train(registry, straight_line(CONTRACT))
    before = dump(registry)

    with pytest.raises(UserError, match=r"^there is no version 7 of 'salaries' in this store; .*"):
        export_version(registry, 7, tmp_path / "seven.zip")

    assert not (tmp_path / "seven.zip").exists()
    assert dump(registry) == before


def test_export_when_a_file_of_the_model_is_gone_then_says_so(
    registry: Registry, tmp_path: Path
) -> None:
    train(registry, straight_line(CONTRACT))
    (registry.model_folder(1) / "extra_files" / "metrics.json").unlink()

    with pytest.raises(UserError, match=r"^the model files of version 1 cannot .*metrics\.json"):
        export_version(registry, 1, tmp_path / "one.zip")


# --- Archives that are not right ----------------------------------------------


def refusal(file: Path) -> str:
    """The one line that an archive is refused with."""
    with pytest.raises(UserError) as caught:
        read_archive(file)
    message = str(caught.value)
    assert message.startswith(str(file))
    assert "\n" not in message
    return message.removeprefix(f"{file} ")


@pytest.mark.parametrize("name", HELD)
def test_read_when_a_member_was_altered_then_names_it(
    name: str, exported: Path, tmp_path: Path
) -> None:
    files = members_of(exported)
    altered = {**files, name: files[name] + b" "}

    message = refusal(write_zip(tmp_path / "altered.zip", altered))

    assert message == (
        f"cannot be imported: {name} was altered: its checksum is not the one in {CHECKSUMS}"
    )


@pytest.mark.parametrize("name", sorted(set(MEMBERS) - OPTIONAL))
def test_read_when_a_member_is_missing_then_names_it(
    name: str, exported: Path, tmp_path: Path
) -> None:
    files = {key: content for key, content in members_of(exported).items() if key != name}

    message = refusal(write_zip(tmp_path / "less.zip", files))

    assert message == f"cannot be imported: it lacks {name}: export the version again"


def test_read_when_the_domain_was_taken_out_then_the_checksums_tell(
    exported: Path, tmp_path: Path
) -> None:
    files = {key: content for key, content in members_of(exported).items() if key != DOMAIN}

    message = refusal(write_zip(tmp_path / "less.zip", files))

    assert message == f"cannot be imported: {CHECKSUMS} was altered: it holds what no export writes"


def test_read_when_an_earlier_release_wrote_it_then_its_domain_is_unknown(
    registry: Registry, tmp_path: Path
) -> None:
    old = bundle_files(CONTRACT, straight_line(CONTRACT))
    old.pop(DOMAIN, None)
    _, files = pack("salaries", 1, old)
    (tmp_path / "old.zip").write_bytes(
        archive({**files, "parameters.json": b"{}", "verdict.json": b"null"})
    )

    transfer = read_archive(tmp_path / "old.zip")

    assert transfer.bundle.domain == Domain()
    assert transfer.bundle.predict(ROWS).tolist() == pytest.approx([0, 2500, 60000], abs=1e-6)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "checksums.json is not what an export writes"),
        (b"[]", "checksums.json is not what an export writes"),
        (b"{}", "is not an archive"),
        (b'{"format": 2}', "its format 2 is not known"),
        (b'{"format": 1, "sha256": {}}', "background.json was altered"),
    ],
)
def test_read_when_the_checksums_were_altered_then_says_so(
    content: bytes, message: str, exported: Path, tmp_path: Path
) -> None:
    files = {**members_of(exported), CHECKSUMS: content}

    assert message in refusal(write_zip(tmp_path / "altered.zip", files))


def test_read_when_there_are_no_checksums_then_says_so(exported: Path, tmp_path: Path) -> None:
    files = {key: content for key, content in members_of(exported).items() if key in MEMBERS}

    assert f"there is no {CHECKSUMS} in it" in refusal(write_zip(tmp_path / "less.zip", files))


def test_read_when_the_checksums_hold_more_then_says_so(exported: Path, tmp_path: Path) -> None:
    files = members_of(exported)
    sums = {**json.loads(files[CHECKSUMS]), "more": 1}

    message = refusal(
        write_zip(tmp_path / "more.zip", {**files, CHECKSUMS: json.dumps(sums).encode()})
    )

    assert message == f"cannot be imported: {CHECKSUMS} was altered: it holds what no export writes"


@pytest.mark.parametrize("share", [0, 0.001, 0.25, 0.5, 0.9, 0.99, 0.999, 0.99999])
def test_read_when_the_archive_was_cut_short_then_says_so(
    share: float, exported: Path, tmp_path: Path
) -> None:
    content = exported.read_bytes()
    file = tmp_path / "short.zip"
    file.write_bytes(content[: int(len(content) * share)])

    assert refusal(file).startswith(
        "is not an archive that `kedro models export` wrote, or it was cut short or altered ("
    )


def test_read_when_any_byte_was_changed_then_is_refused_or_holds_the_same(
    exported: Path, tmp_path: Path
) -> None:
    content = exported.read_bytes()
    good = read_archive(exported)
    file = tmp_path / "changed.zip"
    places = random.Random(234).sample(range(len(content)), 150)
    for place in [*places, *range(len(content) - 60, len(content))]:
        changed = bytearray(content)
        changed[place] ^= 0xFF
        file.write_bytes(changed)
        try:
            found = read_archive(file)
        except UserError:
            continue
        else:  # a time or an attribute in the zip's directory
            assert found.bundle.metrics == good.bundle.metrics
            assert found.bundle.name == good.bundle.name
            assert found.verdict == good.verdict


@pytest.mark.parametrize(
    "name", ["../evil.json", "/etc/evil.json", "a/b.json", "model.skops/", "..\\evil.json"]
)
def test_read_when_a_name_leads_elsewhere_then_is_refused_and_writes_nothing(
    name: str, exported: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    file = write_zip(folder / "evil.zip", {**members_of(exported), name: b"{}"})

    message = refusal(file)

    assert message == f"cannot be imported: it holds {name!r}, which is not part of a version"
    assert sorted(tmp_path.rglob("*")) == [folder, file]


@pytest.mark.parametrize("name", ["../../etc/passwd", "/dev/zero", "parameters.json"])
def test_read_when_the_manifest_names_other_files_then_reads_none_of_them(
    name: str, exported: Path, tmp_path: Path
) -> None:
    manifest = json.loads(members_of(exported)["manifest.json"])
    manifest["sha256"][name] = "0" * 64
    file = resealed(exported, tmp_path / "evil.zip", manifest_json=json.dumps(manifest).encode())

    assert refusal(file).endswith(f": manifest.json names {name!r}, which is no file of a bundle")


@pytest.mark.parametrize("name", ["model.skops", "contract.json", "metrics.json", "lineage.json"])
def test_read_when_a_file_of_the_bundle_was_altered_and_sealed_anew_then_the_manifest_tells(
    name: str, exported: Path, tmp_path: Path
) -> None:
    files = {key: content for key, content in members_of(exported).items() if key != CHECKSUMS}
    (tmp_path / "evil.zip").write_bytes(archive({**files, name: files[name] + b" "}))

    assert refusal(tmp_path / "evil.zip").endswith(
        f": {name} was altered: its checksum is not the one in manifest.json"
    )


def test_read_when_the_model_unpacks_to_too_much_then_is_refused_before_it_is_loaded(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_MAX_MODEL_MB", "1")
    bomb = io.BytesIO()
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as target:
        target.writestr("schema.json", b"\0" * 2_000_000)

    file = resealed(exported, tmp_path / "bomb.zip", model_skops=bomb.getvalue())

    assert refusal(file).endswith("model.skops unpacks to 2,000,000 bytes, more than 1,000,000")


def test_read_when_a_member_is_there_twice_then_is_refused(exported: Path, tmp_path: Path) -> None:
    file = write_zip(tmp_path / "twice.zip", members_of(exported))
    with zipfile.ZipFile(file, "a") as target, pytest.warns(UserWarning, match="Duplicate name"):
        target.writestr("verdict.json", b"null")

    assert refusal(file) == "cannot be imported: it holds a file twice: export the version again"


def test_read_when_it_unpacks_to_too_much_then_is_refused_before_it_is_unpacked(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SALARY_MAX_MODEL_MB", "1")
    file = tmp_path / "bomb.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members_of(exported).items():
            target.writestr(name, b"\0" * 2_000_000 if name == "model.skops" else content)

    assert refusal(file) == (
        "cannot be imported: model.skops has 2,000,000 bytes, more than the allowed 1,000,000; "
        "SALARY_MAX_MODEL_MB allows more"
    )


def test_read_when_the_model_holds_an_unknown_type_then_is_refused(
    exported: Path, tmp_path: Path
) -> None:
    stranger = Pipeline([("model", TransformedTargetRegressor(func=json.dumps))])

    file = resealed(exported, tmp_path / "evil.zip", model_skops=skops.io.dumps(stranger))

    assert "json.dumps" in refusal(file)


def test_read_when_the_model_is_another_then_its_examples_tell(
    exported: Path, tmp_path: Path
) -> None:
    other = skops.io.dumps(straight_line(CONTRACT, 999.0))

    file = resealed(exported, tmp_path / "other.zip", model_skops=other)

    assert refusal(file).endswith("the model does not predict its recorded examples")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("contract_json", b"{}", "contract.features: is missing"),
        ("metrics_json", b'{"mae": 1.0}', "metrics.json lacks the RMSE"),
        ("metrics_json", b'{"rmse": "low"}', "metrics.json.rmse"),
        ("lineage_json", b'{"data_sha256": 5}', "lineage.json.data_sha256"),
        ("parameters_json", b'{"a": 1}', "parameters.json.a"),
        ("verdict_json", b'{"action": "promote"}', "verdict.json lacks the reason"),
        ("verdict_json", b'"promote"', "verdict.json"),
        ("verdict_json", b'{"reason": "' + b"x" * 50_000 + b'"}', "verdict.json is longer than"),
        ("examples_json", b"{}", "examples.json.rows is not what an export writes"),
        ("model_skops", b"no model", "the model file cannot be loaded: File is not a zip file"),
    ],
)
def test_read_when_a_sealed_member_is_not_what_it_should_be_then_says_so(
    name: str, content: bytes, message: str, exported: Path, tmp_path: Path
) -> None:
    assert message in refusal(resealed(exported, tmp_path / "odd.zip", **{name: content}))


ANSI = json.dumps("a\x1b[2Jb").encode()
BIDI = json.dumps("a\u202eb").encode()


def manifest_of(exported: Path, **changed: Any) -> bytes:
    manifest = json.loads(members_of(exported)["manifest.json"])
    return json.dumps({**manifest, **changed}).encode()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            {"model_name": "a\x1b[2J"},
            r"the name of its model, 'a\x1b[2J', contains a character that",
        ),
        (
            {"model_name": "a\u202eb"},
            r"the name of its model, 'a\u202eb', contains a character that",
        ),
        ({"model_name": "a\nb"}, r"the name of its model, 'a\nb', contains a character that"),
        ({"model_name": "a/b"}, "the name of its model, 'a/b', contains a character that"),
        ({"model_name": "a:b"}, "the name of its model, 'a:b', contains a character that"),
        ({"model_name": " "}, "the name of its model must have 1 to 250 characters"),
        ({"model_name": "a" * 251}, "the name of its model must have 1 to 250 characters"),
        ({"model_name": 7}, "the name of its model must have 1 to 250 characters"),
        ({"version": 0}, "its version is '0', not a number from 1"),
        ({"version": True}, "its version is 'True', not a number from 1"),
        ({"version": "2"}, "its version is '2', not a number from 1"),
        ({"version": 10**100}, "its version is '1000000"),
    ],
)
def test_read_when_the_origin_is_none_that_can_be_then_says_so(
    changed: dict[str, Any], message: str, exported: Path, tmp_path: Path
) -> None:
    manifest = manifest_of(exported, **changed)

    found = refusal(resealed(exported, tmp_path / "evil.zip", manifest_json=manifest))

    assert found.startswith(f"cannot be imported: {message}")
    assert found.isprintable()


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("lineage_json", b'{"git_commit": ' + ANSI + b"}", "json.git_commit contains U+001B"),
        ("lineage_json", b'{"git_commit": ' + BIDI + b"}", "json.git_commit contains U+202E"),
        ("lineage_json", b'{"git": "' + b"x" * 100_001 + b'"}', "lineage.json.git is 100001 char"),
        ("lineage_json", b'{"mlflow.user": "root"}', "'mlflow.user', which is MLflow's own"),
        ("lineage_json", b'{"MLflow.note.content": "x"}', "which is MLflow's own"),
        ("lineage_json", b"{" + ANSI + b': "x"}', r"names 'a\x1b[2Jb', which is no name in MLflow"),
        ("lineage_json", b'{"../x": "x"}', "names '../x', which is no name in MLflow"),
        ("lineage_json", b'{"": "x"}', "names '', which is no name in MLflow"),
        ("parameters_json", b'{"a": ' + ANSI + b"}", "parameters.json.a contains U+001B"),
        ("parameters_json", b'{"a": ' + BIDI + b"}", "parameters.json.a contains U+202E"),
        ("parameters_json", b'{"' + b"a" * 251 + b'": "x"}', "which is no name in MLflow"),
        ("parameters_json", json.dumps({f"p{i}": "" for i in range(101)}).encode(),
         "parameters.json holds 101 entries, more than 100"),
        ("metrics_json", b'{"rmse": NaN}', "metrics.json.rmse is not what an export writes"),
        ("metrics_json", b'{"rmse": Infinity}', "metrics.json.rmse is not what an export writes"),
        ("metrics_json", b'{"rmse": -1.0}', "metrics.json.rmse is -1.0, but no RMSE is below 0"),
        ("metrics_json", b'{"rmse": null}', "metrics.json lacks the RMSE"),
        ("metrics_json", b'{"rmse": 1.0, ' + ANSI + b": 2.0}", "which is no name in MLflow"),
        ("verdict_json", b'{"reason": ' + ANSI + b"}", "verdict.json.reason contains U+001B"),
        ("verdict_json", b'{"reason": "x", "e": [{"a": ' + BIDI + b"}]}", "contains U+202E"),
        ("verdict_json", b'{"reason": "x", ' + ANSI + b": 1}", "in verdict.json contains U+00"),
        ("verdict_json", b'{"reason": "x", "a": NaN}', "verdict.json.a is nan, not a finite"),
        ("verdict_json", b'{"reason": "x", "a": ' + b"[" * 50 + b"]" * 50 + b"}", "lie too deep"),
    ],
)  # fmt: skip
def test_read_when_a_text_or_a_number_is_not_fit_for_the_record_then_says_so(
    name: str, content: bytes, message: str, exported: Path, tmp_path: Path
) -> None:
    found = refusal(resealed(exported, tmp_path / "evil.zip", **{name: content}))

    assert message in found
    assert found.isprintable()


def test_read_when_the_contract_holds_ansi_then_says_so(exported: Path, tmp_path: Path) -> None:
    contract = json.loads(members_of(exported)["contract.json"])
    contract["features"][0]["label"] = "Years\x1b[2J"

    file = resealed(exported, tmp_path / "a.zip", contract_json=json.dumps(contract).encode())

    assert "contract.json" in refusal(file)


def test_read_when_the_profile_holds_ansi_then_says_so(exported: Path, tmp_path: Path) -> None:
    file = resealed(exported, tmp_path / "a.zip", profile_json=b"{" + ANSI + b": 1}")

    assert "profile.json" in refusal(file)


def test_read_when_a_header_holds_a_line_break_then_takes_it(
    registry: Registry, tmp_path: Path
) -> None:
    contract = contract_of(
        {"column": "Years\n(full)", "name": "years", "kind": "number", "unit": "years",
         "minimum": 0, "maximum": 60, "example": 5, "label": "Years"}
    )  # fmt: skip
    _, files = pack("salaries", 1, bundle_files(contract, straight_line(contract)))
    (tmp_path / "a.zip").write_bytes(
        archive({**files, "parameters.json": b"{}", "verdict.json": b"null"})
    )

    assert read_archive(tmp_path / "a.zip").bundle.contract == contract


# --- What an archive claims ----------------------------------------------------


HOLDOUT = pd.DataFrame({"years": [1.0, 2.0], "salary": [1003.0, 2003.0]})  # 3 off the line


def judge_of(registry: Registry, holdout: pd.DataFrame = HOLDOUT) -> Judge:
    return Judge(registry, holdout, Policy())


def test_import_when_done_then_the_version_says_that_its_rmse_is_claimed(
    exported: Path, registry: Registry
) -> None:
    number = import_version(registry, EXPERIMENT, read_archive(exported))

    found = MlflowClient().get_model_version(MODEL_NAME, str(number))
    state = registry.state()
    assert found.tags["rmse_source"] == "claimed by an archive: version 2 of 'salaries'"
    assert MlflowClient().get_run(found.run_id).data.tags["rmse_source"] == "claimed"
    assert state.claims(state.versions[number])


def test_import_when_an_earlier_release_did_it_then_its_rmse_is_claimed_too(
    exported: Path, registry: Registry
) -> None:
    number = import_version(registry, EXPERIMENT, read_archive(exported))
    MlflowClient().delete_model_version_tag(MODEL_NAME, str(number), "rmse_source")

    state = registry.state()
    assert state.claims(state.versions[number])


def test_promote_when_the_rmse_is_claimed_then_measures_it_first_and_records_it(
    exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))

    promote_by_hand(registry, 1, "agreed", lambda: judge_of(registry))

    state = registry.state()
    version, last = state.versions[1], state.history[-1]
    assert not state.claims(version)
    assert version.rmse == pytest.approx(3.0)
    assert version.source == "measured on 2 holdout rows; 10.5 was claimed"
    assert last.why == "agreed; RMSE 3.0 on 2 holdout rows, where 10.5 was claimed"
    assert last.evidence is not None
    assert last.evidence["evidence"]["challenger"]["rmse"] == pytest.approx(3.0)


def packed(registry: Registry) -> Bundle:
    """The bundle of version 1."""
    return Bundle.parse(*pack_version(registry, 1))


def test_pack_when_the_rmse_is_claimed_then_the_bundle_says_by_whom(
    exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))

    bundle = packed(registry)

    assert bundle.lineage.claimed
    assert bundle.metrics == METRICS
    assert bundle.lineage.texts() == {
        **LINEAGE,
        "rmse_source": "claimed by an archive: version 2 of 'salaries'",
    }


def test_pack_when_the_rmse_was_measured_here_then_the_bundle_holds_that_one(
    exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))
    promote_by_hand(registry, 1, "agreed", lambda: judge_of(registry))

    bundle = packed(registry)

    assert not bundle.lineage.claimed
    assert bundle.metrics == {**METRICS, "rmse": pytest.approx(3.0)}
    measured = "measured on 2 holdout rows; 10.5 was claimed"
    assert bundle.lineage.texts() == {**LINEAGE, "rmse_source": measured}


def test_pack_when_the_rmse_comes_from_training_here_then_nothing_is_added(
    registry: Registry,
) -> None:
    train(registry, straight_line(CONTRACT))
    assert not packed(registry).lineage.claimed
    assert packed(registry).lineage.texts() == LINEAGE


def test_import_when_the_archive_says_that_its_rmse_was_measured_then_it_is_claimed_all_the_same(
    exported: Path, registry: Registry, tmp_path: Path
) -> None:
    said = json.dumps({**LINEAGE, "rmse_source": "measured on 9 holdout rows"}).encode()
    import_version(
        registry,
        EXPERIMENT,
        read_archive(resealed(exported, tmp_path / "b.zip", lineage_json=said)),
    )

    version = registry.version(1)
    assert packed(registry).lineage.claimed
    assert registry.run(version).lineage.rmse_source == "claimed"
    assert registry.lineage(1).texts() == LINEAGE


def test_promote_when_production_can_be_scored_too_then_the_evidence_holds_both(
    exported: Path, registry: Registry
) -> None:
    train(registry, straight_line(CONTRACT, 2.0))
    promote_by_hand(registry, 1, "the first")
    import_version(registry, EXPERIMENT, read_archive(exported))

    promote_by_hand(registry, 2, "agreed", lambda: judge_of(registry))

    evidence = registry.state().history[-1].evidence
    assert evidence is not None
    assert evidence["evidence"]["champion"]["version"] == 1
    assert evidence["evidence"]["champion"]["rmse"] > 1000


@pytest.mark.parametrize(
    ("holdout", "why"),
    [
        (None, "there are no holdout rows here"),
        (
            HOLDOUT.rename(columns={"years": "other"}),
            "version 1 cannot score today's holdout rows: it takes 'years', which the contract no",
        ),
    ],
)
def test_promote_when_a_claimed_rmse_cannot_be_measured_then_says_so_and_it_stays_claimed(
    holdout: pd.DataFrame | None, why: str, exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))

    promote_by_hand(
        registry, 1, "agreed", lambda: None if holdout is None else judge_of(registry, holdout)
    )

    state = registry.state()
    assert (state.alias, state.versions[1].rmse) == (1, 10.5)
    assert state.claims(state.versions[1])
    told = state.history[-1].why
    assert told.startswith(f"agreed; its RMSE 10.5 is claimed, not measured: {why}")


def test_roll_back_when_forced_to_a_claimed_rmse_then_measures_it_first(
    exported: Path, registry: Registry
) -> None:
    train(registry, straight_line(CONTRACT, 2.0))
    promote_by_hand(registry, 1, "the first")
    import_version(registry, EXPERIMENT, read_archive(exported))

    roll_back(registry, "too high", 2, True, lambda: judge_of(registry))

    assert registry.version(2).rmse == pytest.approx(3.0)


def test_promote_when_the_rmse_was_measured_here_then_looks_for_no_holdout_rows(
    registry: Registry,
) -> None:
    train(registry, straight_line(CONTRACT))

    promote_by_hand(registry, 1, "agreed", lambda: pytest.fail("it looked"))

    assert registry.version(1).source is None


def test_contest_when_the_champion_was_imported_then_its_claim_is_no_evidence(
    exported: Path, registry: Registry
) -> None:
    import_version(registry, EXPERIMENT, read_archive(exported))
    promote_by_hand(registry, 1, "agreed")
    train(registry, straight_line(CONTRACT, 2.0))

    verdict = decide_contest(registry, registry.version(2), judge_of(registry))

    champion = verdict.evidence.champion
    assert champion is not None
    assert (champion.rmse, champion.stored_rmse) == (pytest.approx(3.0), None)


def test_read_when_there_is_no_file_then_says_so(tmp_path: Path) -> None:
    assert refusal(tmp_path / "none.zip") == "cannot be read (No such file or directory)"


def test_read_when_it_is_a_folder_then_says_so(tmp_path: Path) -> None:
    assert refusal(tmp_path) == "cannot be read (Is a directory)"


def test_read_when_it_is_no_zip_then_says_so(tmp_path: Path) -> None:
    (tmp_path / "table.csv").write_text("Experience Years,Salary\n1.1,39343\n")

    assert refusal(tmp_path / "table.csv").startswith(
        "is not an archive that `kedro models export`"
    )


def test_import_when_the_experiment_is_missing_then_changes_nothing(
    exported: Path, registry: Registry
) -> None:
    before = dump(registry)

    with pytest.raises(UserError, match=r"^there is no experiment 'other' in this store$"):
        import_version(registry, "other", read_archive(exported))

    assert dump(registry) == before


# --- Signatures -----------------------------------------------------------------


@pytest.fixture
def keys() -> tuple[Signer, Verifier]:
    """A private key, and its public half."""
    key = Ed25519PrivateKey.generate()
    return Signer(key), Verifier([key.public_key()])


def signed(exported: Path, target: Path, signer: Signer) -> Path:
    """The archive, signed."""
    files = {name: content for name, content in members_of(exported).items() if name != CHECKSUMS}
    target.write_bytes(archive(files, signer))
    return target


def test_read_when_it_is_signed_then_is_read_with_and_without_the_key(
    exported: Path, tmp_path: Path, keys: tuple[Signer, Verifier]
) -> None:
    file = signed(exported, tmp_path / "signed.zip", keys[0])
    assert read_archive(file, keys[1]).bundle.version == read_archive(file).bundle.version == 2


def test_read_when_it_is_not_signed_then_a_key_refuses_it_and_says_what_to_do(
    exported: Path, keys: tuple[Signer, Verifier]
) -> None:
    with pytest.raises(UserError, match=r"checksums\.json is not signed, and SALARY_VERIFY_KEY"):
        read_archive(exported, keys[1])


def test_read_when_another_signed_it_then_a_key_refuses_it(
    exported: Path, tmp_path: Path, keys: tuple[Signer, Verifier]
) -> None:
    other = Signer(Ed25519PrivateKey.generate())
    with pytest.raises(UserError, match="is signed by no key"):
        read_archive(signed(exported, tmp_path / "signed.zip", other), keys[1])


@pytest.mark.parametrize("name", [*HELD, CHECKSUMS])
def test_read_when_a_signed_one_was_altered_and_sealed_anew_then_a_key_refuses_it(
    name: str, exported: Path, tmp_path: Path, keys: tuple[Signer, Verifier]
) -> None:
    """The parameters and the verdict too, which the bundle's own manifest does not cover."""
    file = signed(exported, tmp_path / "signed.zip", keys[0])
    files = members_of(file)
    signature, _ = files.pop("checksums.sig"), files.pop(CHECKSUMS)
    altered = {**files, name: b" " + files.get(name, b"")} if name != CHECKSUMS else files
    content = members_of(Path(write_archive(tmp_path / "altered.zip", altered)))
    if name == CHECKSUMS:
        content[CHECKSUMS] += b" "
    with pytest.raises(UserError, match="is signed by no key"):
        read_archive(
            write_zip(tmp_path / "again.zip", {**content, "checksums.sig": signature}), keys[1]
        )


def write_archive(file: Path, files: Files) -> Path:
    file.write_bytes(archive(files))
    return file


def test_export_when_there_is_a_key_then_the_archive_is_signed(
    registry: Registry, tmp_path: Path, keys: tuple[Signer, Verifier]
) -> None:
    train(registry, straight_line(CONTRACT))
    export_version(registry, 1, tmp_path / "one.zip", keys[0])
    assert read_archive(tmp_path / "one.zip", keys[1]).bundle.version == 1
