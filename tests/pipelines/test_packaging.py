"""Packaging, as a node."""

from pathlib import Path

import pytest

from salary_kedro.bundle import BundleStore
from salary_kedro.errors import UserError
from salary_kedro.parameters import RegistryNames
from salary_kedro.pipelines.packaging.nodes import export_bundle
from stores import MODEL_NAME, Models, register

REGISTRY = RegistryNames(model_name=MODEL_NAME)


def test_export_bundle_when_the_first_version_was_refused_then_says_why_nothing_is_packaged(
    store: str, models: Models, tmp_path: Path
) -> None:
    register(models[5])
    verdict = {
        "action": "archive",
        "reason": "version 1 is not promoted: RMSE 5.0 is above the ceiling of 1.0",
    }

    with pytest.raises(UserError) as caught:
        export_bundle(verdict, BundleStore(tmp_path), REGISTRY)

    assert str(caught.value) == (
        "there is no production version, so nothing is packaged: version 1 is not promoted: "
        "RMSE 5.0 is above the ceiling of 1.0"
    )
    assert list(tmp_path.iterdir()) == []
