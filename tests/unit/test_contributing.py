"""CONTRIBUTING.md names only what is there."""

import re

import pytest

from salary_kedro.pipeline_registry import register_pipelines
from support import ROOT

PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
TOPS = "src|tests|conf|docs|app"
PATHS = sorted(set(re.findall(rf"\b(?:{TOPS})/[\w/.-]*\w", PAGE.replace("NAME", "batch_scoring"))))
TARGETS = sorted(set(re.findall(r"\bmake ([a-z]+)\b", PAGE)))


@pytest.mark.parametrize("path", PATHS)
def test_page_when_it_names_a_path_then_it_is_there(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("target", TARGETS)
def test_page_when_it_names_a_target_then_make_knows_it(target: str) -> None:
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_page_when_it_names_a_pipeline_then_it_is_registered() -> None:
    named = set(re.findall(r"--pipelines ([a-z_]+)", PAGE))

    assert named
    assert named <= register_pipelines().keys()


def test_help_when_it_lists_the_targets_then_fits_eighty_columns() -> None:
    told = re.findall(r"^([a-z-]+):.*?## (.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert told
    assert [name for name, text in told if 13 + len(text) > 80] == []
