"""Carries a version from one store to another, as one checksummed archive.

The archive is a plain zip: the version's bundle, its parameters, the last verdict on it,
and the checksums of them all. The same version gives the same bytes, whoever exports it.
"""

import io
import json
import math
import os
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow import MlflowClient
from pydantic import TypeAdapter, ValidationError

from salary_kedro.bundle import Bundle
from salary_kedro.bundle.bundle import DOMAIN, MANIFEST, sha256
from salary_kedro.errors import UserError
from salary_kedro.lifecycle.alignment import MODEL_FILE, align, new_record
from salary_kedro.lifecycle.claims import (
    LINE_BREAKS,
    check_entries,
    check_metrics,
    check_origin,
    check_texts,
)
from salary_kedro.lifecycle.packaging import pack_version
from salary_kedro.lifecycle.registry import Registry
from salary_kedro.lifecycle.stages import CLAIMED, RMSE_SOURCE, Stage
from salary_kedro.lifecycle.store import store_lock
from salary_kedro.lifecycle.tracking import LoggedModel, log_model

FORMAT = 1
CHECKSUMS, PARAMETERS, VERDICT = "checksums.json", "parameters.json", "verdict.json"
MEMBERS = (
    "contract.json", DOMAIN, "examples.json", "lineage.json", MANIFEST, "metrics.json", MODEL_FILE,
    PARAMETERS, VERDICT,
)  # fmt: skip
BUNDLED = set(MEMBERS) - {MANIFEST, PARAMETERS, VERDICT}
OPTIONAL = {DOMAIN}  # earlier releases wrote archives without
MAX_BYTES = 2 * 1024**3
MAX_VERDICT_BYTES = 3_500  # it becomes part of a record of the history
FIRST_DAY = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip can hold

Files = Mapping[str, bytes]


@dataclass(frozen=True)
class Transfer:
    """A version on its way between stores, checked.

    Attributes:
        bundle: Model, contract, metrics and lineage; its name and version are the old store's.
        parameters: Parameters of its training, flat.
        verdict: The last verdict on it in the old store.
    """

    bundle: Bundle
    parameters: Mapping[str, str]
    verdict: Mapping[str, Any] | None


def export_version(registry: Registry, number: int, file: Path) -> None:
    """Write a version's archive, whole or not at all.

    Raises:
        UserError: If there is no such version, its model is not whole, or the file
            exists already or cannot be written.
    """
    version = registry.version(number)
    _, files = pack_version(registry, number)
    verdicts = [r.evidence for r in registry.state().history if r.version == number and r.evidence]
    parameters = dict(registry.run(version).parameters)
    extras = {PARAMETERS: parameters, VERDICT: verdicts[-1] if verdicts else None}
    _write_new(file, archive({**files, **{name: _dump(value) for name, value in extras.items()}}))


def archive(files: Files) -> bytes:
    """Pack members and their checksums; the same members give the same bytes."""
    sums = {"format": FORMAT, "sha256": {name: sha256(files[name]) for name in files}}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, content in sorted({**files, CHECKSUMS: _dump(sums)}.items()):
            member = zipfile.ZipInfo(name, FIRST_DAY)
            member.create_system, member.external_attr = 3, 0o644 << 16  # as on Unix, anywhere
            target.writestr(member, content)
    return packed.getvalue()


def _dump(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()


def _write_new(file: Path, content: bytes) -> None:
    try:
        handle, scratch = tempfile.mkstemp(prefix=f".{file.name}-", dir=file.parent)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(content)
                stream.flush()
                os.fsync(stream.fileno())
            Path(scratch).chmod(0o644)
            os.link(scratch, file)  # unlike a rename, this never replaces a file
        finally:
            Path(scratch).unlink()
    except FileExistsError as error:
        raise UserError(f"{file} exists already: choose another name, or remove it") from error
    except OSError as error:
        raise UserError(
            f"{file} cannot be written ({error.strerror}): choose a file in a folder that exists "
            f"and that you may write to"
        ) from error


def read_archive(file: Path) -> Transfer:
    """Read an archive and check all of it: checksums, contract, model, recorded examples.

    Raises:
        UserError: Says what is wrong with it.
    """
    try:
        files = _read_members(file)
        _check_sums(files)
        return _parse(files)
    except UserError as error:
        text = " ".join(str(error).split())
        raise UserError(f"{file} cannot be imported: {text}") from error
    except OSError as error:
        raise UserError(f"{file} cannot be read ({error.strerror or error})") from error
    except Exception as error:  # a damaged archive fails anywhere in zip, JSON or the values
        raise UserError(
            f"{file} is not an archive that `kedro models export` wrote, or it was cut short or "
            f"altered ({' '.join(str(error).split())}): export the version again"
        ) from error


def _read_members(file: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(file) as source:
        members = source.infolist()
        names = [member.filename for member in members]
        if CHECKSUMS not in names:  # of an archive cut short, the model's own zip may be found
            raise zipfile.BadZipFile(f"there is no {CHECKSUMS} in it")
        if strangers := sorted(set(names) - {*MEMBERS, CHECKSUMS}):
            raise UserError(f"it holds {strangers[0][:80]!r}, which is not part of a version")
        if missing := sorted(set(MEMBERS) - OPTIONAL - set(names)):
            raise UserError(f"it lacks {', '.join(missing)}: export the version again")
        if len(names) > len(set(names)):
            raise UserError("it holds a file twice: export the version again")
        _check_size("it", members)
        return {member.filename: _read_member(source, member) for member in members}


def _check_size(what: str, members: Sequence[zipfile.ZipInfo]) -> None:
    if (total := sum(member.file_size for member in members)) > MAX_BYTES:
        raise UserError(f"{what} unpacks to {total} bytes, more than the allowed {MAX_BYTES}")


def _read_member(source: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes:
    """Read no more than the directory of the zip announces: it may lie."""
    with source.open(member) as stream:
        return stream.read(member.file_size)


def _check_sums(files: Files) -> None:
    found = json.loads(files[CHECKSUMS])
    if found["format"] != FORMAT:
        raise UserError(f"its format {found['format']!r} is not known; this project reads {FORMAT}")
    members = sorted(set(files) - {CHECKSUMS})
    for name in members:
        if found["sha256"].get(name) != sha256(files[name]):
            raise UserError(f"{name} was altered: its checksum is not the one in {CHECKSUMS}")
    if set(found) != {"format", "sha256"} or set(found["sha256"]) != set(members):
        raise UserError(f"{CHECKSUMS} was altered: it holds what no export writes")


def _parse(files: Files) -> Transfer:
    bundle = _load_bundle(files)
    check_metrics(_parsed(dict[str, float | None], bundle.metrics, "metrics.json"))
    check_entries("lineage.json", _parsed(dict[str, str], bundle.lineage, "lineage.json"))
    for name in ("contract.json", DOMAIN):
        check_texts(name, json.loads(files.get(name, b"{}")), allowed=LINE_BREAKS)
    parameters = _parsed(dict[str, str], json.loads(files[PARAMETERS]), PARAMETERS)
    check_entries(PARAMETERS, parameters)
    return Transfer(bundle, parameters, _verdict(files[VERDICT]))


def _load_bundle(files: Files) -> Bundle:
    manifest = json.loads(files[MANIFEST])
    check_origin(manifest)
    number = manifest["version"]
    if set(manifest["sha256"]) != BUNDLED & set(files):  # it may name any file of this machine
        raise UserError(f"{MANIFEST} names other files than those of a bundle")
    with zipfile.ZipFile(io.BytesIO(files[MODEL_FILE])) as model:
        _check_size(MODEL_FILE, model.infolist())
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / f"{number}-{sha256(files[MANIFEST])[:8]}"
        folder.mkdir()
        for name, content in files.items():
            (folder / name).write_bytes(content)
        return Bundle.load(folder)


def _verdict(content: bytes) -> dict[str, Any] | None:
    verdict: dict[str, Any] | None = _parsed(dict[str, Any] | None, json.loads(content), VERDICT)
    if verdict is not None and not isinstance(verdict.get("reason"), str):
        raise UserError(f"{VERDICT} lacks the reason")
    if verdict is not None and len(json.dumps(verdict)) > MAX_VERDICT_BYTES:
        raise UserError(f"{VERDICT} is longer than {MAX_VERDICT_BYTES} bytes")
    check_texts(VERDICT, verdict)
    return verdict


def _parsed(kind: Any, value: Any, where: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value, strict=True)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join([where, *map(str, first["loc"])])
        raise UserError(f"{place} is not what an export writes: {first['msg']}") from error


def import_version(registry: Registry, experiment: str, transfer: Transfer) -> int:
    """Create an archived version of what an archive holds; production stays as it is.

    Its RMSE is marked as claimed: nothing here has measured it. It contests production only
    when a person promotes it. Each import creates a version of its own, even of the same
    archive.

    Args:
        registry: Where the version is created.
        experiment: Name of the experiment whose run the model is logged in.
        transfer: What the archive holds.

    Returns:
        Its number.

    Raises:
        UserError: If the store has lost its production version; nothing is changed then.
    """
    with store_lock(registry.uri):
        align(registry)
        logged = _log(experiment, transfer)
        origin = f"version {transfer.bundle.version} of '{transfer.bundle.model_name}'"
        created = registry.register(
            logged.model_uri,
            logged.run_id,
            logged.rmse,
            stage=Stage.ARCHIVED,
            source=f"{CLAIMED} by an archive: {origin}",
        )
        state = registry.state()
        why = (
            f"version {created.number} was imported: {origin}; its RMSE {created.recorded} is "
            f"claimed, not measured here"
        )
        verdict = None if transfer.verdict is None else dict(transfer.verdict)
        registry.record(
            new_record(state, "import", created.number, why, after=state.alias, evidence=verdict)
        )
        registry.annotate(created, "archive", why, {})
        return created.number


def _log(experiment: str, transfer: Transfer) -> LoggedModel:
    found = MlflowClient().get_experiment_by_name(experiment)
    if found is None:
        raise UserError(f"there is no experiment '{experiment}' in this store")
    with mlflow.start_run(experiment_id=found.experiment_id, run_name="import"):
        mlflow.log_params(dict(transfer.parameters))
        mlflow.set_tag(RMSE_SOURCE, CLAIMED)
        return log_model(
            model=transfer.bundle.model,
            contract=transfer.bundle.contract,
            domain=transfer.bundle.domain,
            metrics={
                name: math.nan if value is None else value
                for name, value in transfer.bundle.metrics.items()
            },
            lineage=transfer.bundle.lineage,
        )
