"""`kedro models doctor`: rows for programs, text for people."""

import pytest
from mlflow import MlflowClient

from salary_kedro.cli.models import doctor
from salary_kedro.project.project import Project
from stores import MODEL_NAME


def test_doctor_when_nothing_is_broken_then_is_healthy(opened: Project) -> None:
    result = doctor.diagnose(opened, fix=False)

    assert (result["healthy"], result["fixed"]) == (True, [])
    assert {finding["severity"] for finding in result["findings"]} <= {"advice"}


def test_doctor_when_something_is_broken_then_says_so_and_fix_repairs_it(opened: Project) -> None:
    MlflowClient().delete_model_version_tag(MODEL_NAME, "1", "archived")

    found = doctor.diagnose(opened, fix=False)
    fixed = doctor.diagnose(opened, fix=True)

    assert (found["healthy"], found["fixed"]) == (False, [])
    assert found["findings"][0] == {
        "severity": "broken",
        "what": "version 1 has no stage tag",
        "why_it_matters": "nobody can tell what became of it",
        "remedy": "`kedro models doctor --fix` repairs it",
    }
    assert (fixed["healthy"], fixed["fixed"]) == (
        True,
        ["version 1 is tagged archived; it was untagged"],
    )


def test_doctor_when_it_cannot_be_repaired_then_says_that_too(opened: Project) -> None:
    for number in "12":
        MlflowClient().delete_model_version(MODEL_NAME, number)

    result = doctor.diagnose(opened, fix=True)

    assert (result["healthy"], result["fixed"]) == (False, [])
    assert result["findings"][0]["what"].startswith("it cannot be repaired: ")


def test_diagnosis_when_there_is_something_to_say_then_says_what_why_and_what_to_do(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = {"severity": "advice", "what": "a", "why_it_matters": "b", "remedy": "c"}

    doctor.tell({"fixed": ["done"], "findings": [finding], "healthy": True})

    assert capsys.readouterr().out == (
        "fixed   done\n"
        "advice  a\n"
        "        why it matters: b\n"
        "        what to do: c\n"
        "nothing is broken\n"
    )


def test_diagnosis_when_something_is_broken_then_does_not_end_well(
    capsys: pytest.CaptureFixture[str],
) -> None:
    finding = {"severity": "broken", "what": "a", "why_it_matters": "b", "remedy": "c"}

    doctor.tell({"fixed": [], "findings": [finding], "healthy": False})

    assert "nothing is" not in capsys.readouterr().out


def test_diagnosis_when_nothing_is_found_then_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    doctor.tell({"fixed": [], "findings": [], "healthy": True})

    assert capsys.readouterr().out == "nothing is wrong\n"
