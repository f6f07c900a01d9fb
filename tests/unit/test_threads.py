"""How many CPUs control groups grant, and what the numeric libraries are told of it."""

import math
import os
from pathlib import Path

import pytest

from salary_kedro import threads

V2 = "sys/fs/cgroup/cpu.max"
V1 = "sys/fs/cgroup/cpu,cpuacct"


def machine(root: Path, group: str, **files: str) -> str:
    """A machine whose /proc names a group, with files by path below the root; gives the root."""
    for name, text in {"proc/self/cgroup": group, **files}.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return f"{root}/"


@pytest.mark.parametrize(
    ("group", "files", "quota"),
    [
        ("0::/\n", {V2: "150000 100000\n"}, 1.5),
        ("0::/\n", {V2: "max 100000\n"}, math.inf),
        ("0::/\n", {}, math.inf),  # the machine's own group has no such file
        ("0::/\n", {V2: "0 100000\n"}, math.inf),
        ("0::/\n", {V2: "many\n"}, math.inf),
        ("\nno group\n0::/\n", {V2: "150000 100000\n"}, 1.5),
        # Of a group within one with a lower quota, that counts.
        (
            "0::/a.slice/b.service\n",
            {
                "sys/fs/cgroup/a.slice/cpu.max": "50000 100000",
                "sys/fs/cgroup/a.slice/b.service/cpu.max": "200000 100000",
            },
            0.5,
        ),
        # The host's name for a container's group, whose files are at the top.
        ("0::/machine.slice/libpod-1\n", {V2: "100000 100000"}, 1.0),
        (
            "5:cpuset:/\n4:cpu,cpuacct:/docker/1\n0::/\n",
            {f"{V1}/cpu.cfs_quota_us": "300000\n", f"{V1}/cpu.cfs_period_us": "100000\n"},
            3.0,
        ),
        (
            "4:cpu,cpuacct:/\n",
            {f"{V1}/cpu.cfs_quota_us": "-1\n", f"{V1}/cpu.cfs_period_us": "100000\n"},
            math.inf,
        ),
        # Both versions side by side; that of the second is mounted beside the first's.
        ("1:cpu:/\n0::/\n", {"sys/fs/cgroup/unified/cpu.max": "40000 20000"}, 2.0),
    ],
)
def test_quota_when_groups_have_one_then_the_least_counts(
    group: str, files: dict[str, str], quota: float, tmp_path: Path
) -> None:
    assert threads.cpu_quota(machine(tmp_path, group, **files)) == quota


def test_quota_when_there_are_no_control_groups_then_is_infinite(tmp_path: Path) -> None:
    assert threads.cpu_quota(f"{tmp_path}/") == math.inf


@pytest.mark.parametrize(
    ("quota", "set_", "told"),
    [
        (1.5, {}, {"OMP_NUM_THREADS": "2", "OMP_WAIT_POLICY": "PASSIVE"}),
        (0.2, {}, {"OMP_NUM_THREADS": "1", "OMP_WAIT_POLICY": "PASSIVE"}),
        (4.0, {}, {"OMP_WAIT_POLICY": "PASSIVE"}),  # they see as many themselves
        (math.inf, {}, {"OMP_WAIT_POLICY": "PASSIVE"}),
        (1.5, {"OMP_NUM_THREADS": "8"}, {"OMP_NUM_THREADS": "8", "OMP_WAIT_POLICY": "PASSIVE"}),
        (math.inf, {"OMP_WAIT_POLICY": "active"}, {"OMP_WAIT_POLICY": "active"}),
    ],
)
def test_defaults_when_a_quota_is_below_the_cpus_then_threads_are_as_many(
    quota: float, set_: dict[str, str], told: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in set_.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(threads, "cpu_quota", lambda: quota)
    monkeypatch.setattr(threads, "_usable_cpus", lambda: 4)

    threads.set_thread_defaults()

    assert {name: value for name, value in os.environ.items() if name.startswith("OMP_")} == told
