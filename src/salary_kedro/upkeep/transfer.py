"""Carries a version from one store to another, as one checksummed archive.

The archive is a plain zip: the version's bundle, its parameters, the last verdict on it,
and the checksums of them all. The same version gives the same bytes, whoever exports it.
"""

import io
import json
import math
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from pydantic import TypeAdapter

from salary_kedro.bundle import Bundle
from salary_kedro.bundle.bundle import OPTIONAL, VOUCHED, sha256
from salary_kedro.bundle.files import check_size, open_regular, open_zip, read_json
from salary_kedro.bundle.limits import (
    BACKGROUND,
    CALIBRATION,
    CONTRACT,
    DOMAIN,
    LINEAGE,
    MANIFEST,
    PROFILE,
    REPORT,
    SIGNATURE,
    SIZES,
    max_model_bytes,
    max_size,
)
from salary_kedro.bundle.lineage import CLAIMED, RMSE_SOURCE
from salary_kedro.bundle.signing import Signer, Verifier
from salary_kedro.errors import UserError
from salary_kedro.files import other_file, whole_file
from salary_kedro.promotion.alignment import align, new_record
from salary_kedro.promotion.packaging import pack_version
from salary_kedro.registry.registry import Registry
from salary_kedro.registry.stages import Stage
from salary_kedro.registry.store import store_lock
from salary_kedro.registry.tracking import LoggedModel, import_run, log_model
from salary_kedro.upkeep.claims import (
    LINE_BREAKS,
    check_entries,
    check_metrics,
    check_origin,
    check_texts,
)

FORMAT = 1
CHECKSUMS, PARAMETERS, VERDICT = "checksums.json", "parameters.json", "verdict.json"
#: Signs the checksums, which vouch for all else.
CHECKSUMS_SIGNATURE = "checksums.sig"
MEMBERS = (*sorted(VOUCHED | {MANIFEST, PARAMETERS, VERDICT}),)
#: Bytes of what an archive holds beside a bundle, at most.
OWN_SIZES = {
    CHECKSUMS: 64_000,
    CHECKSUMS_SIGNATURE: SIZES[SIGNATURE],
    PARAMETERS: 1_000_000,
    VERDICT: 1_000_000,
}
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


def export_version(
    registry: Registry, number: int, file: Path, signer: Signer | None = None
) -> None:
    """Write a version's archive, whole or not at all.

    Args:
        registry: Where the version is.
        number: Its number.
        file: The archive.
        signer: Signs it; None for no signature.

    Raises:
        UserError: If there is no such version, its model is not whole, or the file
            exists already or cannot be written.
    """
    version = registry.version(number)
    _, files = pack_version(registry, number)
    verdicts = [r.evidence for r in registry.history() if r.version == number and r.evidence]
    parameters = dict(registry.run(version).parameters)
    extras = {PARAMETERS: parameters, VERDICT: verdicts[-1] if verdicts else None}
    members = {name: content for name, content in files.items() if name != SIGNATURE}
    members |= {name: _dump(value) for name, value in extras.items()}
    _write_new(file, archive(members, signer))


def archive(files: Files, signer: Signer | None = None) -> bytes:
    """Pack members and their checksums; the same members give the same bytes."""
    sums = _dump({"format": FORMAT, "sha256": {name: sha256(files[name]) for name in files}})
    signature = {} if signer is None else {CHECKSUMS_SIGNATURE: signer.sign(sums)}
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as target:
        for name, content in sorted({**files, CHECKSUMS: sums, **signature}.items()):
            member = zipfile.ZipInfo(name, FIRST_DAY)
            member.create_system, member.external_attr = 3, 0o644 << 16  # as on Unix, anywhere
            target.writestr(member, content)
    return packed.getvalue()


def _dump(value: Any) -> bytes:
    return json.dumps(value, indent=2, sort_keys=True).encode()


def _write_new(file: Path, content: bytes) -> None:
    with new_file(file) as stream:
        stream.write(content)


@contextmanager
def new_file(file: Path) -> Iterator[BinaryIO]:
    """Write a file that appears whole at the end, or not at all; one that exists is kept.

    Raises:
        UserError: If it exists already or cannot be written.
    """
    there = f"{file} exists already: choose another name, or remove it"
    try:
        if file.exists():  # said before all the work; the link below has the last word
            raise UserError(there)
        with whole_file(file, replace=False) as stream:
            yield stream
    except FileExistsError as error:
        raise UserError(there) from error
    except OSError as error:
        if other := other_file(error, file):
            raise UserError(f"{other} cannot be read ({error.strerror})") from error
        raise UserError(
            f"{file} cannot be written ({error.strerror or error}): choose a file in a folder that "
            f"exists and that you may write to"
        ) from error


def read_archive(file: Path, verifier: Verifier | None = None) -> Transfer:
    """Read an archive and check all of it: checksums, contract, model, recorded examples.

    Args:
        file: The archive.
        verifier: Must find it signed; None if it need not be.

    Raises:
        UserError: Says what is wrong with it.
    """
    try:
        return _parse(_read_members(file, verifier))
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


def _read_members(file: Path, verifier: Verifier | None) -> dict[str, bytes]:
    """Read what the checksums vouch for, no more than a version can have."""
    most = 2 * max_model_bytes() + sum(SIZES.values()) + sum(OWN_SIZES.values())
    with open_regular(file, most) as stream, open_zip("it", stream, most) as source:
        names = _check_members(source.infolist())
        sums = source.read(CHECKSUMS)
        if verifier is not None:
            signature = source.read(CHECKSUMS_SIGNATURE) if CHECKSUMS_SIGNATURE in names else None
            verifier.verify(sums, signature, CHECKSUMS)
        expected = _parse_sums(sums)
        vouched = sorted(names - {CHECKSUMS, CHECKSUMS_SIGNATURE})
        files = {name: _read_member(source, name, expected) for name in vouched}
    if set(expected) != set(files):
        raise UserError(f"{CHECKSUMS} was altered: it holds what no export writes")
    return files


def _check_members(members: Sequence[zipfile.ZipInfo]) -> set[str]:
    """Check names and sizes of the members before any of them is read."""
    names = [member.filename for member in members]
    if CHECKSUMS not in names:
        raise zipfile.BadZipFile(f"there is no {CHECKSUMS} in it")
    if strangers := sorted(set(names) - {*MEMBERS, CHECKSUMS, CHECKSUMS_SIGNATURE}):
        raise UserError(f"it holds {strangers[0][:80]!r}, which is not part of a version")
    if missing := sorted(set(MEMBERS) - OPTIONAL - set(names)):
        raise UserError(f"it lacks {', '.join(missing)}: export the version again")
    if len(names) > len(set(names)):
        raise UserError("it holds a file twice: export the version again")
    for member in members:
        own = OWN_SIZES.get(member.filename)
        check_size(member.filename, member.file_size, own or max_size(member.filename))
    return set(names)


def _parse_sums(content: bytes) -> dict[str, str]:
    found = read_json(dict[str, Any], content, CHECKSUMS)
    if found["format"] != FORMAT:
        raise UserError(f"its format {found['format']!r} is not known; this project reads {FORMAT}")
    if set(found) != {"format", "sha256"}:
        raise UserError(f"{CHECKSUMS} was altered: it holds what no export writes")
    return TypeAdapter(dict[str, str]).validate_python(found["sha256"], strict=True)


def _read_member(source: zipfile.ZipFile, name: str, sums: Mapping[str, str]) -> bytes:
    content = source.read(name)
    if sums.get(name) != sha256(content):
        raise UserError(f"{name} was altered: its checksum is not the one in {CHECKSUMS}")
    return content


def _parse(files: Files) -> Transfer:
    manifest = read_json(dict[str, Any], files[MANIFEST], MANIFEST)
    check_origin(manifest)
    bundle = Bundle.parse(f"{manifest['version']}-{sha256(files[MANIFEST])[:8]}", files)
    check_metrics(bundle.metrics)
    check_entries(LINEAGE, bundle.lineage.texts())
    for name in (CONTRACT, DOMAIN, CALIBRATION, REPORT, BACKGROUND, PROFILE):
        check_texts(name, json.loads(files.get(name, b"{}")), allowed=LINE_BREAKS)
    parameters = read_json(dict[str, str], files[PARAMETERS], PARAMETERS)
    check_entries(PARAMETERS, parameters)
    return Transfer(bundle, parameters, _verdict(files[VERDICT]))


def _verdict(content: bytes) -> dict[str, Any] | None:
    verdict: dict[str, Any] | None = read_json(dict[str, Any] | None, content, VERDICT)
    if verdict is not None and not isinstance(verdict.get("reason"), str):
        raise UserError(f"{VERDICT} lacks the reason")
    if verdict is not None and len(json.dumps(verdict)) > MAX_VERDICT_BYTES:
        raise UserError(f"{VERDICT} is longer than {MAX_VERDICT_BYTES} bytes")
    check_texts(VERDICT, verdict)
    return verdict


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
        logged = _log(registry.uri, experiment, transfer)
        origin = f"version {transfer.bundle.version} of '{transfer.bundle.model_name}'"
        created = registry.register(
            logged.model_uri,
            logged.run_id,
            logged.rmse,
            stage=Stage.ARCHIVED,
            source=f"{CLAIMED} by an archive: {origin}",
        )
        state = registry.recent_state()
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


def _log(uri: str, experiment: str, transfer: Transfer) -> LoggedModel:
    with import_run(uri, experiment, transfer.parameters):
        return log_model(
            model=transfer.bundle.model,
            contract=transfer.bundle.contract,
            domain=transfer.bundle.domain,
            metrics={
                name: math.nan if value is None else value
                for name, value in transfer.bundle.metrics.items()
            },
            lineage=transfer.bundle.lineage.model_copy(update={RMSE_SOURCE: None}),  # their own
            calibration=transfer.bundle.calibration,
            report=transfer.bundle.report,
            background=transfer.bundle.background,
            profile=transfer.bundle.profile,
        )
