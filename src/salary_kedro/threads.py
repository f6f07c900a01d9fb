"""How the threads of numeric libraries share a machine; set before these are loaded.

OpenMP's threads, of which scikit-learn's boosting starts one a CPU, wait by spinning unless told
otherwise: beside other work, fits took a hundred times as long. They start as many as the process
may use CPUs, but know nothing of a quota, which containers and services of systemd get; OpenBLAS
and Arrow heed OpenMP's setting.
"""

import math
import os


def set_thread_defaults() -> None:
    """Let threads wait passively, and be no more than the CPUs granted; what is set stays."""
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    if (quota := cpu_quota()) < _usable_cpus():
        os.environ.setdefault("OMP_NUM_THREADS", str(math.ceil(quota)))


def _usable_cpus() -> int:
    """CPUs that the process may run on, as the libraries see them."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def cpu_quota(root: str = "/") -> float:
    """How many CPUs the control groups of this process let it use at once, such as 1.5.

    A group and each one above it may have a quota: the least counts. Within a container /proc may
    name the group as the host sees it; its quota is then at the top of what is mounted.

    Args:
        root: Where /proc and /sys are.

    Returns:
        Above 0; infinite without a quota, and where there are no control groups.
    """
    quotas = [math.inf]
    for line in _read(f"{root}proc/self/cgroup").splitlines():
        _, controllers, group = [*line.split(":", 2), "", ""][:3]
        if not group or (controllers and "cpu" not in controllers.split(",")):
            continue
        mounts = (controllers, "cpu") if controllers else ("", "unified")
        for parts in _upwards(group):
            quotas += [_quota("/".join((f"{root}sys/fs/cgroup", m, *parts))) for m in mounts]
    return min(quotas)


def _upwards(group: str) -> list[list[str]]:
    """The parts of a group's path, and of those above it."""
    parts = [part for part in group.split("/") if part]
    return [parts[:length] for length in range(len(parts), -1, -1)]


def _quota(folder: str) -> float:
    """The quota of a group, of either version of control groups; infinite if it has none."""
    text = _read(f"{folder}/cpu.max") or " ".join(
        _read(f"{folder}/cpu.cfs_{name}_us") for name in ("quota", "period")
    )
    quota, period = [*text.split(), "", ""][:2]
    is_set = quota.isdecimal() and period.isdecimal() and int(quota) and int(period)
    return int(quota) / int(period) if is_set else math.inf


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:  # noqa: PTH123 - at each start of Python
            return file.read()
    except (OSError, ValueError):
        return ""
