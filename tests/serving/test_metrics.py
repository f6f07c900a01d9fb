"""What Prometheus reads: every series from the start, of both workers, by names of ours alone."""

import ast
import os
import signal
from collections.abc import Iterator

import psutil
import pytest
from prometheus_client import REGISTRY, CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample

from bundles import add_bundle, damage
from kinds import all_kinds, bundle_of
from salary_kedro.bundle import BundleStore
from salary_kedro.contract import Contract
from salary_kedro.serving.load import Load
from salary_kedro.serving.predictor import Predictor
from salary_kedro.serving.request_metrics import (
    CODES,
    PREDICTING,
    STATUSES,
    VALUE_BUCKETS,
    Distribution,
    buckets_of,
    exposition,
    request_metrics,
)
from salary_kedro.serving.routes import Routes
from salary_kedro.serving.settings import Settings
from support import ROOT, Project, get, post, wait_until

GOOD = {"experience_years": 5}
TWO_WORKERS = "services.salary_prediction.workers=2"


@pytest.fixture(scope="module")
def two_workers(_trained: Project) -> Iterator[str]:
    """Address of a service of two workers."""
    with _trained.serve(BENTOML_CONFIG_OPTIONS=TWO_WORKERS) as address:
        wait_until(lambda: total(address, "salary_model_ready") == 2, "both workers")
        yield address


def samples(text: str) -> list[Sample]:
    """All samples of what `/metrics` answers."""
    families = text_string_to_metric_families(text)
    return [sample for family in families for sample in family.samples]


def scrape(address: str) -> list[Sample]:
    """What `/metrics` answers now."""
    return samples(get(f"{address}/metrics").body)


def total(address: str, name: str, **labels: str) -> float:
    """The sum of the samples of a name that have these labels."""
    found = [x for x in scrape(address) if x.name == name and labels.items() <= x.labels.items()]
    return sum(sample.value for sample in found)


def named(found: list[Sample]) -> set[tuple[str, frozenset[tuple[str, str]]]]:
    """The series, without their values."""
    return {(sample.name, frozenset(sample.labels.items())) for sample in found}


def send_what_is_refused(address: str) -> None:
    """Send one request of each kind that a client can get refused at once."""
    for path in PREDICTING:
        post(f"{address}{path}", b"{")
        post(f"{address}{path}", GOOD, "text/plain")
        post(f"{address}{path}", b" " * 2_000_001)
        post(f"{address}{path}", {"experience_years": 61})
        get(f"{address}{path}")
    for path in (
        "/model",
        "/metrics",
        "/",
        "/livez",
        "/readyz",
        "/assets/page.js",
        "/openapi.json",
    ):
        post(f"{address}{path}", b"")
        get(f"{address}{path}")
    get(f"{address}/nope")
    # One that changes the model's inputs by a value that is refused, or beyond training.
    post(f"{address}/predict", {"experience_years": 60})


@pytest.mark.server
def test_metrics_when_something_happens_for_the_first_time_then_its_series_was_there_at_zero(
    _trained: Project,  # noqa: PT019 - its value is used
) -> None:
    events = ("salary_requests_total", "salary_errors_total", "salary_out_of_range_total")
    with _trained.serve() as address:
        wait_until(lambda: get(f"{address}/readyz").status == 200, "the service to be ready")
        before = scrape(address)
        probed = {"/livez", "/readyz", "/metrics", "no_model"}  # by the test
        counts = [x.value for x in before if x.name in events and not probed & {*x.labels.values()}]
        assert set(counts) == {0.0}

        post(f"{address}/predict", GOOD)
        post(f"{address}/predict_batch", {"rows": [GOOD]})
        send_what_is_refused(address)
        after = scrape(address)

    assert {x.labels.get("outcome") for x in after if x.name == events[2] and x.value} == {
        "warned",
        "refused",
    }
    assert len({x.labels["code"] for x in after if x.name == events[1] and x.value}) >= 6
    assert named(after) == named(before)


def test_metrics_when_a_route_is_added_then_its_series_are_too(predictor: Predictor) -> None:
    routes = Routes(predictor, Load(), Settings()).by_path
    assert set(STATUSES) == {*routes, "other"}


def test_metrics_when_an_error_code_is_added_then_its_series_is_too() -> None:
    used = set()
    for file in (ROOT / "src" / "salary_kedro" / "serving").glob("*.py"):
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in (
                "RequestError",
                "_no_route",
            ):
                used |= {x.value for x in node.args[1:2] if isinstance(x, ast.Constant)}
    assert {*used, "not_http"} == set(CODES)


@pytest.mark.server
def test_metrics_when_there_are_two_workers_then_tell_how_each_process_does(
    two_workers: str,
) -> None:
    workers = {x.labels["pid"] for x in scrape(two_workers) if x.name == "salary_model_ready"}
    found = {}
    for sample in scrape(two_workers):
        if sample.name.startswith("process_"):
            found.setdefault(sample.name, {})[sample.labels["pid"]] = sample.value
    assert set(found) >= {
        "process_resident_memory_bytes",
        "process_cpu_seconds_total",
        "process_open_fds",
        "process_max_fds",
        "process_start_time_seconds",
    }
    for values in found.values():
        assert set(values) == workers
    for worker in workers:
        process = psutil.Process(int(worker))
        memory = found["process_resident_memory_bytes"][worker]
        assert memory == pytest.approx(process.memory_info().rss, rel=0.2)
        started = found["process_start_time_seconds"][worker]
        assert started == pytest.approx(process.create_time(), abs=2)


@pytest.mark.server
def test_metrics_when_a_worker_is_killed_then_tell_of_the_one_in_its_place(
    two_workers: str,
) -> None:
    def workers() -> set[str]:
        return {
            x.labels["pid"]
            for x in scrape(two_workers)
            if x.name == "process_resident_memory_bytes"
        }

    before = workers()
    killed = min(before)
    os.kill(int(killed), signal.SIGKILL)
    wait_until(lambda: len(workers()) == 2 and killed not in workers(), "another worker")
    assert len(workers() & before) == 1


@pytest.mark.server
def test_metrics_when_rows_are_predicted_then_tell_the_distribution(two_workers: str) -> None:
    def below(bound: str) -> float:
        return total(two_workers, "salary_predicted_value_bucket", le=bound)

    bounds = ("20000.0", "25000.0", "63000.0", "80000.0", "+Inf")
    before = [below(bound) for bound in bounds]
    post(f"{two_workers}/predict", GOOD)  # 72,861
    post(f"{two_workers}/predict_batch", {"rows": [GOOD, {"experience_years": 0}]})  # and 24,848
    wait_until(
        lambda: (
            [below(bound) - x for bound, x in zip(bounds, before, strict=True)] == [0, 1, 1, 3, 3]
        ),
        "the other worker's numbers, which it hands over twice a second",
    )


def test_metrics_when_the_model_changes_then_count_its_fields_and_keep_the_buckets(
    store: BundleStore, predictor: Predictor, contract: Contract
) -> None:
    store.point_to(add_bundle(store.folder, contract, 1))
    predictor.refresh()
    before = {x.labels["le"] for x in here() if x.name == "salary_predicted_value_bucket"}
    name, files = bundle_of(all_kinds())
    store.write(name, files)
    store.point_to(name)
    predictor.refresh()

    found = here()
    fields = {x.labels["field"] for x in found if x.name == "salary_out_of_range_total"}
    assert fields >= {*contract.feature_names, *all_kinds().feature_names}
    assert before == {x.labels["le"] for x in found if x.name == "salary_predicted_value_bucket"}
    written = (store.folder / name / "manifest.json").stat().st_mtime
    (packaged,) = [x.value for x in found if x.name == "salary_model_packaged_timestamp_seconds"]
    assert packaged == written
    served = {x.labels["bundle"] for x in found if x.name == "salary_model_served" and x.value}
    assert name in served


def test_metrics_when_a_bundle_does_not_load_then_count_the_failure(
    store: BundleStore, predictor: Predictor, contract: Contract
) -> None:
    store.point_to(add_bundle(store.folder, contract, 1))
    predictor.refresh()
    (before,) = [x.value for x in here() if x.name == "salary_model_load_failures_total"]
    bad = add_bundle(store.folder, contract, 2)
    damage(store.folder, bad)
    store.point_to(bad)
    predictor.refresh()
    (after,) = [x.value for x in here() if x.name == "salary_model_load_failures_total"]
    assert after - before == 1


def here() -> list[Sample]:
    """What this process would answer."""
    request_metrics().flush()
    return samples(exposition()[0].decode())


def test_metrics_when_one_process_serves_alone_then_tell_of_it_too() -> None:
    request_metrics()
    assert {"process_open_fds", "salary_errors_total"} <= {x.name for x in here()}


def test_flush_when_it_fails_midway_then_the_next_one_tells_the_rest_and_nothing_twice(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names = ("salary_requests_total", "salary_request_seconds_count", "salary_errors_total")

    def told() -> list[float]:
        labels = {"route": "/predict", "status": "200"}, {"route": "/predict"}, {"code": "busy"}
        found = zip(names, labels, strict=True)
        return [REGISTRY.get_sample_value(name, each) or 0 for name, each in found]

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    metrics = request_metrics()
    metrics.flush()
    before = told()
    metrics.answered("/predict", 200, 0.25)
    metrics.refused("busy")
    for broken in (metrics._errors, metrics._seconds["/predict"]._histogram._buckets[7]):
        with monkeypatch.context() as patch:
            patch.setattr(broken, "labels" if broken is metrics._errors else "inc", fail)
            with pytest.raises(OSError, match="No space left"):
                metrics.flush()
    metrics.flush()
    metrics.flush()

    assert [after - x for after, x in zip(told(), before, strict=True)] == [1, 1, 1]


@pytest.mark.parametrize(
    "values",
    [
        [],
        [72_861.25],
        [-5.0, 0.0, 1.0, 1.25, 1.26, 10**9, 10**9 + 1.0, 1e300],
        [float(x) for x in range(1000)],
    ],
)
def test_distribution_when_given_values_then_counts_as_the_library_does_one_by_one(
    values: list[float],
) -> None:
    """A canary: it uses what is private to prometheus_client."""
    ours, theirs = CollectorRegistry(), CollectorRegistry()
    histogram = Histogram("salary", "Test", buckets=VALUE_BUCKETS, registry=ours)
    one_by_one, together = (Distribution(histogram, VALUE_BUCKETS) for _ in range(2))
    for value in values:
        one_by_one.observe(value)
    one_by_one.flush()
    together.add(buckets_of(values), sum(values))
    together.flush()
    histogram = Histogram("salary", "Test", buckets=VALUE_BUCKETS, registry=theirs)
    for value in values * 2:
        histogram.observe(value)

    def told(registry: CollectorRegistry) -> list[tuple[str, dict[str, str], float]]:
        found = samples(generate_latest(registry).decode())
        return [(x.name, x.labels, x.value) for x in found if not x.name.endswith("_created")]

    assert told(ours) == told(theirs)
