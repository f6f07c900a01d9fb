#!/usr/bin/env bash
# After `LocalCluster()` the process that made it, and all it starts later, compute with one thread.
#
# Seen with dask and distributed 2026.8.0, Python 3.11. Dask sets OMP_NUM_THREADS, MKL_NUM_THREADS and
# OPENBLAS_NUM_THREADS for its workers by setting them in the process that starts these, and leaves
# them there when the cluster is closed. Libraries that are loaded later in that process, and every
# process it starts (joblib's workers, a training script), use one core, in silence. A worker that
# is begun anew sets them once more.
# What helps: keep these variables before a cluster is made, and put them back afterwards.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv seen-by
seen-by/bin/pip install --quiet --disable-pip-version-check distributed==2026.8.0
cat >seen.py <<'PY'
import os

from distributed import LocalCluster

NAMES = "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"


def threads():
    return [os.environ.get(name) for name in NAMES]


if __name__ == "__main__":
    print(threads())
    with LocalCluster(n_workers=1, dashboard_address="127.0.0.1:0"):
        print(threads())
    print(threads())
PY
env -u OMP_NUM_THREADS -u MKL_NUM_THREADS -u OPENBLAS_NUM_THREADS seen-by/bin/python seen.py >seen
printf '[None, None, None]\n' >expected
printf "['1', '1', '1']\n%.0s" 1 2 >>expected
diff expected seen
echo 'as described'
