"""What importing the service brings along."""

import subprocess
import sys

import pytest

pytestmark = pytest.mark.process

IMPORTED = """
import sys

import pytest
import salary_kedro.serving.service
print(sorted({"pandas", "scipy", "sklearn", "skops"} & set(sys.modules)))
"""


def test_service_when_imported_then_leaves_what_reads_models_to_the_workers() -> None:
    imported = subprocess.check_output([sys.executable, "-c", IMPORTED], text=True)

    assert imported == "[]\n"
