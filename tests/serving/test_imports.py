"""What importing the service brings along."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.process

TOLD = """
print(sorted({"pandas", "scipy", "sklearn", "skops"} & set(sys.modules)))
"""
IMPORTED = f"""
import sys

import salary_kedro.serving.service
{TOLD}
"""
ANSWERED = f"""
import sys
from pathlib import Path

from salary_kedro.bundle import BundleStore
from salary_kedro.serving.app import create_app
from salary_kedro.serving.predictor import Predictor
predictor = Predictor(BundleStore(Path(sys.argv[1])))
predictor.refresh()
app, header = create_app(predictor), {{b"content-type": b"application/json"}}
assert app.at_once("POST", "/predict", header, b'{{"experience_years": 5}}').status == 200
{TOLD}
"""


def test_service_when_imported_then_leaves_what_reads_models_to_the_workers() -> None:
    imported = subprocess.check_output([sys.executable, "-c", IMPORTED], text=True)

    assert imported == "[]\n"


def test_service_when_a_bundle_has_arrays_then_answers_without_what_reads_models(
    bundles: Path,
) -> None:
    command = [sys.executable, "-c", ANSWERED, str(bundles)]
    assert subprocess.check_output(command, text=True) == "[]\n"
