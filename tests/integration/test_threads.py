"""Threads of the numeric libraries, in a real Python of the virtual environment."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from salary_kedro.modelling.workers import THREADS

#: Control groups whose quota a test may set.
GROUPS = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
TELL = """
import json
import numpy, scipy.linalg, sklearn.utils._openmp_helpers, threadpoolctl
pools = threadpoolctl.threadpool_info()
print(json.dumps({pool["internal_api"]: pool["num_threads"] for pool in pools}))
"""
OURS = (*THREADS, "OMP_WAIT_POLICY")


def python(code: str, prefix: str = "", **environment: str) -> subprocess.CompletedProcess[str]:
    """Run code in a Python of its own, after a line of Python of the process that becomes it."""
    kept = {name: value for name, value in os.environ.items() if name not in OURS}
    start = f"import os, sys\n{prefix}\nos.execv(sys.executable, [sys.executable, '-c', {code!r}])"
    return subprocess.run(
        [sys.executable, "-S", "-c", start],  # -S: the defaults are for the second one to set
        env={**kept, **environment},
        capture_output=True,
        text=True,
        check=True,
    )


def test_openmp_when_python_starts_then_its_threads_wait_without_spinning() -> None:
    found = python("import sklearn.utils._openmp_helpers", OMP_DISPLAY_ENV="verbose").stderr

    assert "GOMP_SPINCOUNT = '0'" in found


def test_openmp_when_its_waiting_is_set_then_that_stays() -> None:
    found = python(
        "import sklearn.utils._openmp_helpers", OMP_DISPLAY_ENV="verbose", OMP_WAIT_POLICY="ACTIVE"
    ).stderr

    assert "OMP_WAIT_POLICY = 'ACTIVE'" in found


def test_threads_when_one_cpu_may_be_used_then_each_library_has_one() -> None:
    found = python(TELL, "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})").stdout

    assert json.loads(found) == {"openblas": 1, "openmp": 1}


@contextmanager
def quota_of_one_cpu() -> Iterator[Path]:
    """A control group with a quota of one CPU."""
    found = next((at for at in GROUPS if (at / "cgroup.procs").exists()), None)
    if os.geteuid() != 0 or found is None or not os.access(found, os.W_OK):
        pytest.skip("only root may make a control group, where they can be written")
    group = found / f"salary-kedro-{os.getpid()}"
    group.mkdir()
    try:
        quotas = {"cpu.cfs_quota_us": "100000", "cpu.max": "100000 100000"}
        name = next((name for name in quotas if (group / name).exists()), None)
        if name is None:
            pytest.skip("control groups have no quota of CPUs here")
        (group / name).write_text(quotas[name])
        yield group
    finally:
        group.rmdir()


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="one CPU is what there is")
def test_threads_when_a_quota_grants_one_cpu_then_each_library_has_one() -> None:
    with quota_of_one_cpu() as group:
        join = f"open('{group}/cgroup.procs', 'w').write(str(os.getpid()))"
        found, set_ = python(TELL, join).stdout, python(TELL, join, OMP_NUM_THREADS="2").stdout

    assert json.loads(found) == {"openblas": 1, "openmp": 1}
    assert json.loads(set_) == {"openblas": 2, "openmp": 2}
