"""A real server with two workers, on a small disk, while everything around it fails."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from bundles import add_bundle
from salary_kedro.bundle import BundleStore
from samples import default_contract
from support import copy_project, get, post, wait_until

pytestmark = pytest.mark.server

WORKERS = 2
ASKED = 12  # new connections, which may all reach the same worker even so
SECONDS = 30  # a busy machine is slow; tests of the load measure how fast it follows


@dataclass(frozen=True)
class Live:
    """A running service.

    Attributes:
        address: Its address.
        store: The bundles it follows; versions 1 and 2 are good.
        names: Their names by version.
        log: What it has logged.
        disk: The folder that its files are in, of 3 MB if this system lets one be mounted.
    """

    address: str
    store: BundleStore
    names: dict[int, str]
    log: Path
    disk: Path

    def told(self) -> set[tuple[int, str]]:
        """What the workers say they serve, and why that one."""
        answers = [get(f"{self.address}/model") for _ in range(ASKED)]
        assert {answer.status for answer in answers} == {200}
        return {(answer.body["model_version"], answer.body["source"]) for answer in answers}

    def wait_for(self, version: int, source: str) -> None:
        """Wait until all workers serve a version, and those asked say why."""
        expected = {(version, source)}
        wait_until(
            lambda: self.told() == expected and self.counted() == [self.names[version]] * WORKERS,
            f"{source} version {version}",
            SECONDS,
        )

    def counted(self) -> list[str]:
        """The bundle that each worker serves, by the metrics, which know all workers."""
        lines = str(get(f"{self.address}/metrics").body).splitlines()
        return [
            line.partition('bundle="')[2].partition('"')[0]
            for line in lines
            if line.startswith("salary_model_served{") and line.endswith(" 1.0")
        ]

    def salaries(self) -> set[tuple[int, int]]:
        """What the workers answer: status, and version by the prediction."""
        answers = [post(f"{self.address}/predict", {"experience_years": 0}) for _ in range(ASKED)]
        return {(answer.status, round(answer.body["salary"] / 1000)) for answer in answers}


@contextmanager
def small_disk(folder: Path) -> Iterator[Path]:
    """A disk of 3 MB; a plain folder where none can be mounted."""
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(folder)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield folder
    finally:
        if mounted:
            subprocess.run(["umount", "-l", str(folder)], check=True)


@contextmanager
def full(folder: Path) -> Iterator[None]:
    """Nothing can be written any more: to a disk of its own that is full, or without the right."""
    filler = folder / "filler"
    if os.path.ismount(folder):
        _fill(filler)
    else:
        folder.chmod(0o555)
    try:
        yield
    finally:
        folder.chmod(0o755)
        filler.unlink(missing_ok=True)


def _fill(file: Path) -> None:
    with suppress(OSError), file.open("wb", buffering=0) as content:  # ends when it is full
        while True:
            content.write(b"x" * 4096)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The server, whose bundles, Bento home and temporary files are on the small disk."""
    project = copy_project(tmp_path_factory.mktemp("failures") / "project")
    with small_disk(project.root.parent / "disk") as disk:
        store = BundleStore(disk / "bundles")
        names = {number: add_bundle(store.folder, default_contract(), number) for number in (1, 2)}
        store.point_to(names[1])
        surroundings = {
            "SALARY_BUNDLES": str(store.folder),
            "BENTOML_HOME": str(disk / "bento"),
            "TMPDIR": str(disk),
            "BENTOML_CONFIG_OPTIONS": f"services.salary_prediction.workers={WORKERS}",
        }
        with project.serve(**surroundings) as address:
            live = Live(address, store, names, project.root / "server.log", disk)
            started = f"serving bundle {names[1]}"
            wait_until(lambda: live.log.read_text().count(started) == WORKERS, "all workers")
            yield live


@pytest.fixture
def live(server: Live) -> Live:
    """The server, all of whose workers serve version 1."""
    server.store.point_to(server.names[1])
    server.wait_for(1, "current")
    return server


def test_service_when_packaging_was_killed_then_keeps_the_model_until_the_bundle_is_whole(
    live: Live, tmp_path: Path
) -> None:
    name = add_bundle(tmp_path / "made", default_contract(), 3)
    (live.store.folder / name).mkdir()
    shutil.copy(tmp_path / "made" / name / "manifest.json", live.store.folder / name)
    live.names[3] = name
    live.store.point_to(name)
    live.wait_for(1, "kept")
    assert live.salaries() == {(200, 1)}
    shutil.copytree(tmp_path / "made" / name, live.store.folder / name, dirs_exist_ok=True)
    live.wait_for(3, "current")
    assert live.salaries() == {(200, 3)}


def test_service_when_a_bundle_is_refused_then_each_worker_logs_it_once(live: Live) -> None:
    live.store.point_to("7-00000000")
    line = f"bundle 7-00000000: manifest.json is missing; bundle {live.names[1]} goes on serving"
    wait_until(lambda: live.log.read_text().count(line) == WORKERS, "both to log it", SECONDS)
    os.utime(live.store.folder / "current")
    live.store.point_to(live.names[1])
    live.wait_for(1, "current")
    assert live.log.read_text().count(line) == WORKERS


def test_service_when_the_disk_is_full_then_answers_and_still_follows(live: Live) -> None:
    prepared = live.store.folder / "prepared"
    prepared.write_text(live.names[2])
    with full(live.disk):
        answers = [live.salaries() for _ in range(5)]
        refused = post(f"{live.address}/predict", {"experience_years": "many"}).status
        counted = get(f"{live.address}/metrics").status  # what was never counted before too
        prepared.replace(live.store.folder / "current")  # needs no room
        live.wait_for(2, "current")
    assert answers == [{(200, 1)}] * 5
    assert (refused, counted) == (422, 200)


@pytest.mark.parametrize("kind", ["garbage", "a folder", "a loop", "nothing"])
def test_service_when_the_pointer_cannot_be_followed_then_says_so_and_goes_on(
    live: Live, kind: str
) -> None:
    pointer = live.store.folder / "current"
    pointer.unlink()
    match kind:
        case "garbage":
            pointer.write_bytes(os.urandom(5000))
        case "a folder":
            pointer.mkdir()
        case "a loop":
            pointer.symlink_to(pointer)
    live.wait_for(1, "kept")
    assert str(pointer) in get(f"{live.address}/model").body["reason"]
    assert live.salaries() == {(200, 1)}
    if kind == "a folder":
        pointer.rmdir()


def test_service_when_the_clock_jumps_back_then_follows_all_the_same(live: Live) -> None:
    for path in live.store.folder.rglob("*"):
        os.utime(path, (0, 0))
    live.store.point_to(live.names[2])
    os.utime(live.store.folder / "current", (0, 0))
    live.wait_for(2, "current")
    assert live.salaries() == {(200, 2)}


def test_metrics_when_there_are_two_workers_then_each_tells_the_one_bundle_it_serves(
    live: Live,
) -> None:
    live.store.point_to(live.names[2])
    live.wait_for(2, "current")
    assert live.counted() == [live.names[2]] * WORKERS


def test_service_when_all_bundles_are_deleted_then_goes_on_from_memory(live: Live) -> None:
    aside = live.store.folder.with_name("aside")
    live.store.folder.rename(aside)
    live.wait_for(1, "kept")
    assert live.salaries() == {(200, 1)}
    aside.rename(live.store.folder)
    live.wait_for(1, "current")
