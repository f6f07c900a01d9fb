"""Who handles parts: real workers, which fail, die, and lose their scheduler."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from parted import Noted, Servers, fail_at_first, serve_parts, take, tell_threads, workers_of
from salary_kedro.errors import UserError
from salary_kedro.modelling.workers import THREADS
from salary_kedro.partitions import cluster as clusters
from salary_kedro.partitions.cluster import Cluster, ClusterError
from support import wait_until

pytestmark = pytest.mark.process


@pytest.fixture(scope="module")
def here() -> Cluster:
    """Two workers of this machine."""
    return Cluster(workers=2, part_rows=7)


@pytest.fixture
def servers(tmp_path: Path) -> Iterator[Servers]:
    """A scheduler and a worker of their own."""
    with serve_parts(tmp_path) as found:
        yield found


def test_value_when_shared_then_is_not_sent_with_each_part(here: Cluster, tmp_path: Path) -> None:
    value = Noted(tmp_path / "noted")
    shared = here.share(value)

    found = [*here.map(take, range(20), value=shared)]

    assert found == [(number, value.file) for number in range(20)]
    noted = value.file.read_text().split()
    assert len(noted) < 20  # by two workers and the scheduler; some may fetch it twice


def test_workers_when_they_begin_then_have_one_thread_each_and_leave_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in THREADS:
        monkeypatch.setenv(name, "7")

    cluster = Cluster(workers=1)  # not the one of other tests, which may have begun
    found = cluster.ask_workers(tell_threads)

    assert found == [dict.fromkeys(THREADS, "1")]
    assert tell_threads() == dict.fromkeys(THREADS, "7")


def test_value_when_the_only_worker_that_has_it_dies_then_is_sent_again(
    servers: Servers, tmp_path: Path
) -> None:
    cluster, value = Cluster(scheduler=servers.address), Noted(tmp_path / "noted")
    shared = cluster.share(value)
    first = [*cluster.map(take, range(2), value=shared)]

    os.kill(next(workers_of(servers.worker)), signal.SIGKILL)

    assert (
        [*cluster.map(take, range(2), value=shared)] == first == [(0, value.file), (1, value.file)]
    )


def test_parts_when_one_fails_then_are_not_begun_any_more(here: Cluster, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="the first part is bad") as caught:
        [*here.map(fail_at_first, range(20), folder=tmp_path)]

    done = [*here.map(abs, range(4))]  # whose turn is after those that were begun
    begun = {path.name for path in tmp_path.iterdir()}
    assert done == [0, 1, 2, 3]
    assert "0" in begun
    assert len(begun) < 7  # of eight that two workers were given, all but one begin otherwise
    assert caught.value


def test_parts_when_the_scheduler_dies_then_end_with_what_to_do(
    servers: Servers, tmp_path: Path
) -> None:
    cluster = Cluster(scheduler=servers.address)
    parts = cluster.map(fail_at_first, range(1, 9), folder=tmp_path)
    next(parts)

    os.killpg(servers.scheduler, signal.SIGKILL)

    says = f"the scheduler {servers.address} has ended: start it again, then run again"
    with pytest.raises(ClusterError, match=says):
        list(parts)


def test_parts_when_the_scheduler_died_long_before_then_end_with_what_to_do(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "SECONDS", 5)  # to connect, too, for which both are there
    cluster = Cluster(scheduler=servers.address)
    assert [*cluster.map(abs, [-1])] == [1]
    os.killpg(servers.scheduler, signal.SIGKILL)
    with pytest.raises(ClusterError, match="has ended"):
        cluster.ask_workers(tell_threads)  # which is just then
    wait_until(lambda: clusters._open_client(cluster).status == "closed", "the client to give up")

    for ask in (
        lambda: [*cluster.map(abs, [-1])],
        lambda: cluster.share(1),
        lambda: cluster.ask_workers(tell_threads),
        cluster.count_workers,
    ):
        with pytest.raises(ClusterError, match=f"the scheduler {servers.address} has ended"):
            ask()


def test_parts_when_no_worker_is_left_then_end_with_what_to_do(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clusters, "PAUSE", 1)
    monkeypatch.setattr(clusters, "PAUSES", 2)
    parts = Cluster(scheduler=servers.address).map(fail_at_first, range(1, 9), folder=tmp_path)
    next(parts)

    os.killpg(servers.worker, signal.SIGKILL)

    says = f"the scheduler {servers.address} has had no worker for 2 s: start `dask worker` for it"
    with pytest.raises(ClusterError, match=says):
        list(parts)
