"""A service that serves something goes on with it until something good takes its place."""

import logging
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from prometheus_client import REGISTRY

from bundles import MODEL, add_bundle, add_liar, damage
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving import predictor as module
from salary_kedro.serving.metrics import forget_dead_workers
from salary_kedro.serving.predictor import Predictor
from support import wait_until

Ask = Callable[..., httpx.Response]
CONTENTS = [b"", b"latest\n", b"../1-00000000", b"\xff\xfe", b"1-00000000" * 1000]


@pytest.fixture
def first(store: BundleStore, contract: Contract, predictor: Predictor) -> str:
    """The bundle of version 5, which is served; version 4 lies beside it, good as well."""
    add_bundle(store.folder, contract, 4)
    name = add_bundle(store.folder, contract, 5)
    store.point_to(name)
    predictor.refresh()
    return name


def told(ask: Ask) -> tuple[str, str, str | None]:
    """What `/model` says of the bundle, its source and the reason."""
    answer = ask("GET", "/model").json()
    return answer["bundle"], answer["source"], answer["reason"]


def salary(ask: Ask) -> tuple[float, int]:
    """The prediction at 5 years, and the version that the answer names."""
    answer = ask("POST", "/predict", {"experience_years": 5}).json()
    return pytest.approx(answer["salary"], rel=1e-9), answer["model_version"]


def troubles(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged as a warning or worse."""
    return [record.getMessage() for record in caplog.records if record.levelno >= logging.WARNING]


def swaps(result: str) -> float:
    """How often this process counted a result."""
    return REGISTRY.get_sample_value("salary_model_swaps_total", {"result": result}) or 0.0


def test_worker_when_the_model_changes_then_no_round_of_the_collector_holds_up_requests(
    store: BundleStore,
    contract: Contract,
    predictor: Predictor,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rounds = []
    monkeypatch.setattr(module, "POLL_SECONDS", 0.01)
    monkeypatch.setattr(module, "_settle", lambda: rounds.append(predictor.served))
    names = [add_bundle(store.folder, contract, version) for version in (1, 2, 3)]
    store.point_to(names[0])
    predictor.follow()
    first = predictor.served
    for name in names[1:]:  # once the third serves, all has been done about the second
        store.point_to(name)
        wait_until(lambda n=name: predictor.served.bundle.name == n, "the next model")

    assert first is not None
    assert rounds == [first]


def test_refresh_when_the_new_bundle_is_bad_then_the_old_model_stays_not_the_reserve(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask, first: str
) -> None:
    add_bundle(store.folder, contract, 8)  # what would be the reserve at a start
    liar = add_liar(store.folder, contract, 9)
    store.point_to(liar)
    predictor.refresh()
    reason = f"bundle {liar}: the model does not predict its recorded examples"
    assert told(ask) == (first, "kept", reason)
    assert salary(ask) == (5050, 5)


def test_refresh_when_a_reserve_serves_and_the_pointer_moves_to_a_bad_one_then_it_stays(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask
) -> None:
    reserve = add_bundle(store.folder, contract, 1)
    store.point_to("3-00000000")
    predictor.refresh()
    add_bundle(store.folder, contract, 2)
    store.point_to("4-00000000")
    predictor.refresh()
    reason = "bundle 4-00000000: manifest.json is missing"
    assert told(ask) == (reserve, "reserve", reason)


def test_refresh_when_the_pointer_returns_to_what_is_served_then_it_is_current_again(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str
) -> None:
    store.point_to("9-00000000")
    predictor.refresh()
    store.point_to(first)
    predictor.refresh()
    assert told(ask) == (first, "current", None)


def test_refresh_when_a_version_was_packaged_anew_then_moves_to_the_new_bundle(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask, first: str
) -> None:
    label = contract.target.model_copy(update={"label": "Pay"})
    again = add_bundle(store.folder, contract.model_copy(update={"target": label}), 5)
    store.point_to(again)
    predictor.refresh()
    assert again != first
    assert told(ask) == (again, "current", None)
    assert ask("GET", "/openapi.json").json()["info"]["title"] == "Pay prediction"


def test_refresh_when_the_contract_changes_then_requests_and_openapi_change_with_the_model(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask, first: str
) -> None:
    narrow = contract.features[0].model_copy(update={"maximum": 40.0})
    store.point_to(add_bundle(store.folder, contract.model_copy(update={"features": (narrow,)}), 6))
    predictor.refresh()
    refused = ask("POST", "/predict", {"experience_years": 50})
    described = ask("GET", "/openapi.json").json()
    assert refused.status_code == 422
    assert "from 0 to 40" in refused.json()["error"]["message"]
    assert described["info"]["version"] == "6"


def test_refresh_when_the_served_folder_is_deleted_then_goes_on_from_memory(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str
) -> None:
    shutil.rmtree(store.folder / first)
    predictor.refresh()
    assert told(ask) == (first, "kept", f"bundle {first}: manifest.json is missing")
    assert salary(ask) == (5050, 5)


def test_refresh_when_the_served_bundle_is_damaged_and_repaired_then_says_so_and_is_current_again(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str
) -> None:
    model = store.folder / first / "model.skops"
    content = model.read_bytes()
    damage(store.folder, first)
    predictor.refresh()
    sources = [told(ask)[1]]
    model.write_bytes(content)
    predictor.refresh()
    sources.append(told(ask)[1])
    assert sources == ["kept", "current"]


def test_refresh_when_all_bundles_are_deleted_then_goes_on_from_memory(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str
) -> None:
    shutil.rmtree(store.folder)
    predictor.refresh()
    assert told(ask) == (first, "kept", f"the pointer {store.folder / 'current'} is gone")


@pytest.mark.parametrize("content", CONTENTS)
def test_refresh_when_the_pointer_is_nonsense_then_says_so_and_keeps_the_model(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str, content: bytes
) -> None:
    (store.folder / "current").write_bytes(content)
    predictor.refresh()
    bundle, source, reason = told(ask)
    assert (bundle, source) == (first, "kept")
    assert reason is not None
    assert reason.startswith(f"the pointer {store.folder / 'current'} ")


def test_refresh_when_the_pointer_cannot_be_read_then_says_so_and_keeps_the_model(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str
) -> None:
    pointer = store.folder / "current"
    pointer.unlink()
    pointer.symlink_to(pointer)
    predictor.refresh()
    bundle, source, reason = told(ask)
    assert (bundle, source) == (first, "kept")
    assert f"the pointer {pointer} cannot be read" in str(reason)


def test_refresh_when_the_clock_jumps_back_then_follows_all_the_same(
    store: BundleStore, contract: Contract, predictor: Predictor, ask: Ask, first: str
) -> None:
    name = add_bundle(store.folder, contract, 6)
    for path in [*(store.folder / name).iterdir(), store.folder / name]:
        os.utime(path, (0, 0))
    store.point_to(name)
    os.utime(store.folder / "current", (0, 0))
    predictor.refresh()
    assert told(ask) == (name, "current", None)


def test_refresh_when_a_file_is_altered_under_its_old_size_and_time_then_is_noticed(
    store: BundleStore, predictor: Predictor, ask: Ask, first: str
) -> None:
    model = store.folder / first / "model.skops"
    before = model.stat()
    damage(store.folder, first)
    os.utime(model, ns=(before.st_atime_ns, before.st_mtime_ns))
    predictor.refresh()
    assert told(ask)[1] == "kept"


def test_refresh_when_a_bad_bundle_stays_then_logs_it_once(
    store: BundleStore,
    contract: Contract,
    predictor: Predictor,
    first: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    liar = add_liar(store.folder, contract, 9)
    store.point_to(liar)
    for _ in range(5):
        predictor.refresh()
    reason = f"bundle {liar}: the model does not predict its recorded examples"
    assert troubles(caplog) == [f"{reason}; bundle {first} goes on serving from memory"]


def test_refresh_when_a_bad_bundle_is_touched_then_does_not_log_it_again(
    store: BundleStore,
    contract: Contract,
    predictor: Predictor,
    first: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    liar = add_liar(store.folder, contract, 9)
    store.point_to(liar)
    for moment in range(5):
        os.utime(store.folder / liar / "model.skops", (moment, moment))
        predictor.refresh()
        predictor.refresh()
    assert len(troubles(caplog)) == 1


def test_refresh_when_a_bundle_is_copied_file_by_file_then_logs_nothing_and_takes_it_at_the_end(
    store: BundleStore,
    contract: Contract,
    predictor: Predictor,
    ask: Ask,
    first: str,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    name = add_bundle(tmp_path / "made", contract, 6)
    (store.folder / name).mkdir()
    store.point_to(name)
    sources = []
    for file in sorted((tmp_path / "made" / name).iterdir()):
        predictor.refresh()
        sources.append(told(ask)[1])
        content = file.read_bytes()
        (store.folder / name / file.name).write_bytes(content[: len(content) // 2])
        predictor.refresh()
        (store.folder / name / file.name).write_bytes(content)
    predictor.refresh()
    assert set(sources) == {"kept"}
    assert told(ask) == (name, "current", None)
    assert troubles(caplog) == []


def test_refresh_when_a_bad_bundle_gave_way_to_a_good_one_and_comes_again_then_logs_it_again(
    store: BundleStore,
    predictor: Predictor,
    first: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    for name in ("9-00000000", first, "9-00000000"):
        store.point_to(name)
        predictor.refresh()
        predictor.refresh()
    assert len(troubles(caplog)) == 2


def test_refresh_when_a_trouble_passes_without_a_trace_then_is_tried_again(
    store: BundleStore,
    contract: Contract,
    predictor: Predictor,
    ask: Ask,
    first: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As when the process has run out of open files for a while."""
    monkeypatch.setattr(module, "RETRY_SECONDS", 0)
    name = add_bundle(store.folder, contract, 6)
    with monkeypatch.context() as patch:
        patch.setattr("salary_kedro.bundle.bundle.read_regular", _no_more_files)
        store.point_to(name)
        predictor.refresh()
        assert told(ask)[:2] == (first, "kept")
    predictor.refresh()
    assert told(ask) == (name, "current", None)


def _no_more_files(name: str, *_: Any) -> Any:
    raise OSError(24, "Too many open files", name)


def test_refresh_when_a_bundle_is_refused_then_is_not_loaded_again_at_each_look(
    store: BundleStore, predictor: Predictor, first: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.point_to("9-00000000")
    predictor.refresh()
    loads: list[str] = []
    monkeypatch.setattr(BundleStore, "load", lambda self, name: loads.append(name))
    predictor.refresh()
    assert loads == []


def test_metrics_when_the_model_changes_then_exactly_the_new_one_is_1(
    store: BundleStore, contract: Contract, predictor: Predictor, first: str
) -> None:
    second = add_bundle(store.folder, contract, 6)
    store.point_to(second)
    predictor.refresh()
    values = {
        sample.labels["bundle"]: sample.value
        for metric in REGISTRY.collect()
        if metric.name == "salary_model_served"
        for sample in metric.samples
        if sample.labels["name"] == MODEL
    }
    assert values[first] == 0
    assert [bundle for bundle, value in values.items() if value] == [second]


def test_metrics_when_a_bundle_is_taken_or_refused_then_each_is_counted_once(
    store: BundleStore, contract: Contract, predictor: Predictor, first: str
) -> None:
    before = {result: swaps(result) for result in ("swapped", "refused", "reserve")}
    store.point_to(add_bundle(store.folder, contract, 6))
    predictor.refresh()
    store.point_to(add_liar(store.folder, contract, 7))
    for _ in range(3):
        predictor.refresh()
    after = {result: swaps(result) - before[result] for result in before}
    assert after == {"swapped": 1, "refused": 1, "reserve": 0}


def test_metrics_when_the_pointer_names_a_bad_bundle_for_a_while_then_the_model_is_not_current(
    store: BundleStore, contract: Contract, predictor: Predictor, first: str
) -> None:
    found = [REGISTRY.get_sample_value("salary_model_current")]
    for name in (add_liar(store.folder, contract, 7), first):
        store.point_to(name)
        predictor.refresh()
        predictor.refresh()
        found.append(REGISTRY.get_sample_value("salary_model_current"))
    assert found == [1, 0, 1]


def test_refresh_when_the_pointer_returns_from_a_bad_bundle_then_logs_that_all_is_well_again(
    store: BundleStore,
    contract: Contract,
    predictor: Predictor,
    first: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    for name in (add_liar(store.folder, contract, 7), first):
        store.point_to(name)
        predictor.refresh()
        predictor.refresh()
    expected = f"bundle {first} is what the pointer names, and good, again"
    assert caplog.records[-1].getMessage() == expected


def test_metrics_when_a_reserve_is_chosen_at_the_start_then_it_is_counted(
    store: BundleStore, contract: Contract, predictor: Predictor
) -> None:
    before = swaps("reserve")
    add_bundle(store.folder, contract, 1)
    store.point_to("2-00000000")
    predictor.refresh()
    assert swaps("reserve") - before == 1


def test_metrics_when_a_worker_was_killed_then_what_it_told_of_itself_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    dead = subprocess.Popen(["true"])
    dead.wait()
    files = [f"gauge_liveall_{dead.pid}.db", f"gauge_liveall_{os.getpid()}.db"]
    for name in [*files, f"counter_{dead.pid}.db"]:
        (tmp_path / name).touch()
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    forget_dead_workers()
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        [files[1], f"counter_{dead.pid}.db"]
    )
