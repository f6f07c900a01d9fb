#!/usr/bin/env bash
# Where Dask is installed, `import skops.io` imports its arrays and tables, which nobody asked for.
#
# Seen with skops 0.16.0, scikit-learn 1.9.1, dask 2026.8.0 and distributed 2026.8.0, Python 3.11.
# To list the types that it trusts, skops imports all modules of scikit-learn, among them one that
# makes Dask's arrays look like NumPy's, and is empty without Dask. So installing Dask for one job
# makes every process that reads or writes a model slower to start and larger, services included.
# What helps: an environment without Dask for whatever only predicts.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
python3 -m venv seen-by
install() { seen-by/bin/pip install --quiet --disable-pip-version-check "$@"; }
imports_dask() {
    seen-by/bin/python -W ignore -c \
        'import skops.io, sys; print("dask.array" in sys.modules)'
}
install skops==0.16.0 scikit-learn==1.9.1
imports_dask >seen
install 'dask[dataframe]==2026.8.0'
seen-by/bin/python -c 'import sklearn.ensemble, sys; print("dask.array" in sys.modules)' >>seen
imports_dask >>seen
printf 'False\nFalse\nTrue\n' >expected
diff expected seen
echo 'as described'
