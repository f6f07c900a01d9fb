"""What YAML may stand for is counted before anything expands it."""

from pathlib import Path

import pytest

from salary_kedro.contract import ContractError
from salary_kedro.errors import UserError
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader, read_contract_file
from salary_kedro.project.yaml_bounds import BoundsError, check_bounds
from support import ROOT


def bomb(levels: int) -> str:
    """A few lines that stand for 3 to the power of `levels` values."""
    lines = ["contract:", "  a0: &a0 [x, x, x]"]
    names = range(1, levels)
    lines += [f"  a{n}: &a{n} [*a{n - 1}, *a{n - 1}, *a{n - 1}]" for n in names]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize("levels", [10, 40])
def test_check_bounds_when_aliases_multiply_then_refuses_without_expanding(levels: int) -> None:
    with pytest.raises(BoundsError, match=r"aliases \(\*name\) repeat more than the allowed 5,000"):
        check_bounds(bomb(levels))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: &a [*a]", r"alias \*a stands for something that it is part of"),
        ("a: &a {<<: *a}", r"alias \*a stands for something that it is part of"),
        ("[" * 60 + "]" * 60, "nests deeper than the allowed 50 levels"),
        ("[" + "1," * 100_001 + "]", "holds more than the allowed 100,000 values"),
        ("a: &a [" + "1," * 3000 + "]\nb: *a\nc: *a\n", "repeat more than the allowed 5,000"),
    ],
)
def test_check_bounds_when_it_stands_for_too_much_then_says_how(text: str, says: str) -> None:
    with pytest.raises(BoundsError, match=says):
        check_bounds(text)


def test_check_bounds_when_aliases_are_few_then_allows_them() -> None:
    check_bounds("a: &a [" + "1," * 1000 + "]\nb: *a\nc: &c x\nd: [*c, *c, *a]\ne: {<<: {f: 1}}\n")


def test_check_bounds_when_it_is_no_yaml_then_leaves_it_to_its_reader() -> None:
    check_bounds("a: [")


def test_read_contract_file_when_it_is_a_bomb_then_refuses_in_one_line(tmp_path: Path) -> None:
    path = tmp_path / "conf" / "mine" / "contract.yml"
    path.parent.mkdir(parents=True)
    path.write_text(bomb(12))

    with pytest.raises(ContractError) as caught:
        read_contract_file(path)

    assert str(caught.value) == (
        "conf/mine/contract.yml: its aliases (*name) repeat more than the allowed 5,000 values; "
        "write it out, or list less"
    )


@pytest.mark.parametrize("name", ["catalog.yml", "parameters_more.yaml", "deep/mlflow.yml"])
@pytest.mark.parametrize("env", ["base", "mine"])
def test_loader_when_a_file_of_kedros_own_is_a_bomb_then_refuses_before_reading_any(
    name: str, env: str, tmp_path: Path
) -> None:
    path = tmp_path / "conf" / env / name
    path.parent.mkdir(parents=True)
    (tmp_path / "conf" / "base").mkdir(exist_ok=True)
    path.write_text(bomb(12))

    with pytest.raises(UserError, match=rf"^conf/{env}/{name}: its aliases"):
        ProjectConfigLoader(str(tmp_path / "conf"), "mine", **LOADER_ARGS)


def test_check_bounds_when_given_the_projects_own_files_then_allows_all() -> None:
    for path in (ROOT / "conf").rglob("*.yml"):
        check_bounds(path.read_text(encoding="utf-8"))
