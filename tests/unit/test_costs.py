"""What a test without a marker of cost may start."""

import multiprocessing
import subprocess
import sys

import pytest

from support import BIN

REFUSED = r"@pytest\.mark\.process"


@pytest.mark.parametrize("program", [sys.executable, str(BIN / "kedro")])
def test_popen_when_an_unmarked_test_starts_python_then_fails_it(program: str) -> None:
    with pytest.raises(pytest.fail.Exception, match=REFUSED):
        subprocess.run([program, "--version"], check=True)


def test_process_when_an_unmarked_test_forks_one_then_fails_it() -> None:
    with pytest.raises(pytest.fail.Exception, match=REFUSED):
        multiprocessing.Process(target=print).start()


def test_popen_when_an_unmarked_test_starts_another_program_then_runs() -> None:
    assert subprocess.check_output(["git", "--version"]).startswith(b"git version")


@pytest.mark.process
def test_popen_when_the_test_is_marked_then_runs() -> None:
    assert subprocess.check_output([sys.executable, "-c", "print(1)"]) == b"1\n"


def test_marks_when_a_test_in_the_units_costs_little_then_it_is_fast(
    request: pytest.FixtureRequest,
) -> None:
    assert request.node.get_closest_marker("fast") is not None
