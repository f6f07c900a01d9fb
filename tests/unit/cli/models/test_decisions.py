"""`kedro models rollback` and `promote`."""

from pathlib import Path

import pandas as pd
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from salary_kedro.cli.models import archives, decisions, versions
from salary_kedro.errors import UserError
from salary_kedro.project.project import Project
from salary_kedro.registry.tracking import LoggedModel
from salary_kedro.upkeep.opening import registry_of
from sites import register
from stores import alias


def test_rollback_when_done_then_production_bundle_and_history_say_so(opened: Project) -> None:
    result = decisions.go_back(opened, None, "too high", force=False)

    assert (result["production"], alias()) == (1, 1)
    assert result["bundle"] == opened.bundles.current()
    assert opened.bundles.load(result["bundle"]).predict([[5.0]]).tolist() == [100.0]
    last = versions.list_decisions(opened)[-1]
    assert (last["action"], last["from"], last["to"], last["why"]) == ("rollback", 2, 1, "too high")


def test_promote_when_done_then_production_bundle_and_history_say_so(
    opened: Project, spare: LoggedModel
) -> None:
    register(registry_of(opened), spare)

    result = decisions.make_production(opened, 3, "agreed")

    assert (result["production"], alias()) == (3, 3)
    assert opened.bundles.load(result["bundle"]).predict([[5.0]]).tolist() == [300.0]
    last = versions.list_decisions(opened)[-1]
    assert (last["action"], last["to"], last["why"]) == ("promotion by hand", 3, "agreed")


@pytest.mark.parametrize("number", [2, 9])
def test_promote_when_refused_but_the_bundle_is_signed_then_says_so_once(
    number: int, opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = Ed25519PrivateKey.generate().private_bytes(
        Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()
    )
    monkeypatch.setenv("SALARY_SIGNING_KEY", key.decode())
    name = opened.bundles.current()

    first, second = (refusal(opened, number) for _ in range(2))

    assert first == [f"the production version is packaged now, as bundle {name}, signed"]
    assert second == []
    assert (opened.bundles.folder / str(name) / "manifest.sig").is_file()


def test_rollback_when_refused_but_the_pointer_is_moved_then_says_so(opened: Project) -> None:
    name = opened.bundles.current()
    (opened.bundles.folder / "current").unlink()

    with pytest.raises(UserError) as caught:
        decisions.go_back(opened, 2, "too high", force=False)

    assert str(caught.value) == "version 2 is production already"
    told = f"the production version is packaged now, as bundle {name}"
    assert caught.value.__notes__ == [told]
    assert opened.bundles.current() == name


def refusal(project: Project, number: int) -> list[str]:
    """What is told beside the reason when a promotion is refused."""
    with pytest.raises(UserError) as caught:
        decisions.make_production(project, number, "agreed")
    return list(getattr(caught.value, "__notes__", []))


def test_promote_when_the_signing_key_cannot_be_read_then_changes_nothing(
    opened: Project, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SALARY_SIGNING_KEY_FILE", str(tmp_path / "nokey.pem"))

    with pytest.raises(UserError, match=r"nokey\.pem', which cannot be read"):
        decisions.make_production(opened, 1, "agreed")

    assert registry_of(opened).state().alias == 2


def test_promote_when_packaging_fails_then_says_that_production_has_moved(
    opened: Project, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> str:
        raise UserError("the bundles cannot be written")

    monkeypatch.setattr("salary_kedro.promotion.packaging.export_production", fail)
    with pytest.raises(UserError, match=r"^version 1 is in production now, but not .*fix`"):
        decisions.make_production(opened, 1, "agreed")

    assert registry_of(opened).state().alias == 1


def test_promote_when_it_was_imported_then_is_measured_on_the_holdout_rows_of_the_last_run(
    opened: Project, tmp_path: Path
) -> None:
    archives.export_to(opened, 2, tmp_path / "two.zip")
    archives.import_from(opened, tmp_path / "two.zip")
    holdout = opened.root / "data" / "05_model_input" / "holdout.parquet"
    holdout.parent.mkdir()
    pd.DataFrame({"years": [1.0, 2.0], "salary": [204.0, 204.0]}).to_parquet(holdout)

    assert decisions.make_production(opened, 3, "agreed")["claimed"] is False

    row = versions.list_page(opened, None)["rows"][0]
    assert (row["rmse"], row["claimed"]) == (4.0, False)


@pytest.mark.parametrize("content", [None, b"garbage"])
def test_promote_when_it_was_imported_and_there_are_no_holdout_rows_then_says_it_is_claimed(
    content: bytes | None, opened: Project, tmp_path: Path
) -> None:
    archives.export_to(opened, 2, tmp_path / "two.zip")
    archives.import_from(opened, tmp_path / "two.zip")
    if content is not None:
        holdout = opened.root / "data" / "05_model_input" / "holdout.parquet"
        holdout.parent.mkdir()
        holdout.write_bytes(content)

    assert decisions.make_production(opened, 3, "agreed")["claimed"] is True

    assert "is claimed, not measured: " in versions.list_decisions(opened)[-1]["why"]
