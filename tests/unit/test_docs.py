"""The pages: each command in them exists, with its options; each link leads somewhere."""

import ast
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import click
import pytest
import yaml

from salary_kedro.cli.contract import contract
from salary_kedro.cli.models import models
from salary_kedro.cli.run import run
from support import ROOT

PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
#: Kedro's and its plugins' own.
THEIRS = {"airflow", "catalog", "ipython", "jupyter", "mlflow", "package", "registry", "viz"}
#: Where links outside lead; no test asks there.
HOSTS = {"arxiv.org", "doi.org", "github.com"}
LINK = re.compile(r"\]\(([^)\s]+)\)")
FENCED = re.compile(r"^```.*?\n(.*?)^```$", re.MULTILINE | re.DOTALL)
SPAN = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
COMMAND = re.compile(r"^(?:\w+=\S+ )*((?:kedro|make) .*)$")
#: Blocks that `tests/docs` runs, or compares with what is printed.
FOLLOWED = re.compile(r"^```(bash|text|python)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
GIST = re.compile(r"^(curl|(?:kedro|make)(?: [a-z]+)+)(?= |$)", re.MULTILINE)
TARGETS = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE)


def commands(page: Path) -> Iterator[str]:
    """What a page shows of kedro and make, in blocks and in sentences."""
    text = page.read_text()
    lines = [line for block in FENCED.findall(text) for line in block.splitlines()]
    for line in [*lines, *SPAN.findall(FENCED.sub("", text))]:
        found = COMMAND.match(line)
        if found and "…" not in found[1]:
            yield found[1]


def followed(language: str, pages: list[Path] = PAGES) -> list[str]:
    """The blocks of pages in a language."""
    texts = (page.read_text() for page in pages)
    return [block for text in texts for found, block in FOLLOWED.findall(text) if found == language]


def known(name: str) -> click.Command:
    """A command of ours."""
    return {"contract": contract, "models": models, "run": run}[name]


def check(command: str) -> None:
    """Fail on a target, a command or an option that there is not."""
    program, *words = shlex.split(command.replace("\\|", "|"), comments=True)
    if program == "make":
        assert [word for word in words if "=" not in word and word not in TARGETS] == []
        return
    found, words = words[0], words[1:]
    if found in THEIRS:
        return
    chosen = known(found)
    context = click.Context(chosen)
    if isinstance(chosen, click.Group) and words:
        _, chosen, words = chosen.resolve_command(context, words)
        assert chosen is not None
    chosen.make_parser(click.Context(chosen)).parse_args(words)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_when_it_shows_a_command_then_there_is_such_a_command_with_its_options(
    page: Path,
) -> None:
    for command in commands(page):
        try:
            check(command)
        except (click.UsageError, AssertionError, KeyError, ValueError) as error:
            pytest.fail(f"`{command}`: {error!r}")


@pytest.mark.parametrize("wrong", ["kedro models lst", "kedro models list --pages", "make rnu"])
def test_check_when_a_command_does_not_exist_then_fails(wrong: str) -> None:
    with pytest.raises((click.UsageError, AssertionError)):
        check(wrong)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_page_when_it_links_then_the_file_is_there_and_the_host_is_a_known_one(page: Path) -> None:
    for link in LINK.findall(FENCED.sub("", page.read_text())):
        address = urlsplit(link)
        if address.scheme:
            assert address.hostname in HOSTS, link
        elif address.path:
            assert (page.parent / address.path).exists(), link


def test_navigation_when_there_is_a_page_then_holds_it() -> None:
    settings = yaml.safe_load((ROOT / "mkdocs.yml").read_text())
    listed = [
        item if isinstance(item, str) else next(iter(item.values()))
        for part in settings["nav"]
        for item in next(iter(part.values()))
    ]

    assert sorted(listed) == sorted(path.name for path in (ROOT / "docs").glob("*.md"))


def test_readme_when_there_is_a_page_then_links_to_it() -> None:
    linked = set(LINK.findall((ROOT / "README.md").read_text()))

    pages = {f"docs/{path.name}" for path in (ROOT / "docs").glob("*.md")}
    assert pages - linked <= {"docs/index.md"}  # which stands for the README on the site


def test_readme_when_it_shows_a_command_in_a_block_then_pages_that_are_run_have_it_too() -> None:
    shown = set(GIST.findall("".join(FENCED.findall(PAGES[0].read_text()))))

    assert "make run" in shown
    assert shown - {"make test"} <= set(GIST.findall("".join(followed("bash"))))


def test_readme_when_it_shows_what_a_run_prints_then_it_is_what_the_tutorial_is_held_to() -> None:
    summary, *_ = followed("text", [ROOT / "docs" / "tutorial.md"])

    assert summary.startswith("Rows  ")
    assert summary in PAGES[0].read_text()


def test_page_when_it_shows_python_then_it_can_be_parsed() -> None:
    for text in followed("python"):
        ast.parse(text)
