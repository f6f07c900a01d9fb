"""What a model was made from, as it is read and written."""

import pytest
from pydantic import ValidationError

from salary_kedro.bundle.files import FileError
from salary_kedro.bundle.lineage import Lineage


def test_parse_when_another_release_recorded_more_then_keeps_it() -> None:
    lineage = Lineage.parse(b'{"orders": "7", "git_commit": "abc", "copy": "8"}')

    assert lineage.git_commit == "abc"
    assert list(lineage.texts().items()) == [("copy", "8"), ("git_commit", "abc"), ("orders", "7")]


@pytest.mark.parametrize(
    "content", [b"[]", b'{"git_commit": null}', b'{"orders": 7}', b'{"git_commit": {}}', b"{"]
)
def test_parse_when_it_holds_no_texts_by_name_then_is_refused(content: bytes) -> None:
    with pytest.raises(FileError, match=r"^lineage.json"):
        Lineage.parse(content)


def test_texts_when_something_was_not_recorded_then_leave_it_out() -> None:
    assert Lineage(code_sha256="c").texts() == {"code_sha256": "c"}


def test_lineage_when_it_is_changed_then_is_refused() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Lineage().git_commit = "abc"  # type: ignore[misc]


def test_of_tags_when_a_run_has_other_tags_then_leaves_them_out() -> None:
    tags = {"mlflow.user": "anna", "lock_sha256": "l", "verdict": "promote"}

    assert Lineage.of_tags(tags) == Lineage(lock_sha256="l")


def test_made_of_when_all_is_known_then_is_data_parameters_and_code() -> None:
    lineage = Lineage(data_sha256="d", parameters_sha256="p", code_sha256="c", lock_sha256="l")

    assert lineage.made_of == ("d", "p", "c")


@pytest.mark.parametrize("unknown", ["data_sha256", "parameters_sha256", "code_sha256"])
def test_made_of_when_one_is_unknown_then_is_none(unknown: str) -> None:
    lineage = Lineage(data_sha256="d", parameters_sha256="p", code_sha256="c")

    assert lineage.model_copy(update={unknown: None}).made_of is None


@pytest.mark.parametrize(
    ("source", "claimed"),
    [(None, False), ("claimed by an archive", True), ("measured on 9 holdout rows", False)],
)
def test_claimed_when_the_rmse_has_a_source_then_is_what_that_says(
    source: str | None, claimed: bool
) -> None:
    assert Lineage(rmse_source=source).claimed is claimed
