"""Packaging, as a node."""

from pathlib import Path

import pytest

from salary_kedro.bundle import BundleStore
from salary_kedro.errors import UserError
from salary_kedro.pipelines.packaging.nodes import export_bundle, remove_outdated
from salary_kedro.project.parameters import Packaging
from salary_kedro.promotion.by_hand import promote_by_hand
from salary_kedro.promotion.packaging import export_production
from stores import Models, own_registry, register


def test_export_bundle_when_the_first_version_was_refused_then_says_why_nothing_is_packaged(
    store: str, models: Models, tmp_path: Path
) -> None:
    register(models[5])
    verdict = {
        "action": "archive",
        "reason": "version 1 is not promoted: RMSE 5.0 is above the ceiling of 1.0",
    }

    with pytest.raises(UserError) as caught:
        export_bundle(verdict, BundleStore(tmp_path), own_registry())

    assert str(caught.value) == (
        "there is no production version, so nothing is packaged: version 1 is not promoted: "
        "RMSE 5.0 is above the ceiling of 1.0"
    )
    assert BundleStore(tmp_path).names() == []
    assert not (tmp_path / "current").exists()


class Bentos:
    """Notes which Bentos are removed."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def remove(self, bundle_name: str, bento_name: str) -> None:
        """Remove a Bento."""
        self.removed.append(f"{bento_name}:{bundle_name}")


@pytest.mark.parametrize(("keep", "removed"), [(None, ()), (4, ("1",)), (1, ("2", "1"))])
def test_remove_outdated_when_more_bundles_are_there_than_are_kept_then_removes_their_bentos_too(
    keep: int | None, removed: tuple[str, ...], store: str, models: Models, tmp_path: Path
) -> None:
    bundles, bentos = BundleStore(tmp_path), Bentos()
    for number in range(1, 6):
        register(models[5])
        promote_by_hand(own_registry(), number, "the next")
        export_production(own_registry(), bundles)
    names = bundles.names()

    found = remove_outdated(
        bentos, bundles, "tag", own_registry(), Packaging(bento_name="wages", keep=keep)
    )

    assert found == [name for name in names if name.startswith(removed)] if removed else not found
    assert bentos.removed == [f"wages:{name}" for name in found]
    assert bundles.names() == [name for name in names if name not in found]
