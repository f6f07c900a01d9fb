#!/usr/bin/env bash
# TargetEncoder takes whole salaries for class labels: a column becomes one column per salary.
#
# Seen with scikit-learn 1.9.1, Python 3.11.
# With target_type="auto" integers are classes, however many and however large. With two different
# salaries the encoder gives the share of the larger one, with more it gives a column for each of
# them, and a pipeline fits on that without a word. target_type="continuous" gives what is meant.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1
"$folder/venv/bin/python" -W ignore - >"$folder/seen" <<'PYTHON'
import numpy as np
from sklearn.preprocessing import TargetEncoder

grades = np.array([["junior"], ["senior"]] * 30, dtype=object)
whole = np.arange(60) * 100 + 40_000
for name, salaries in {"integers": whole, "floats": whole + 0.5}.items():
    encoder = TargetEncoder(cv=5).fit(grades, salaries)
    print(name, encoder.target_type_, encoder.transform(grades).shape)
encoder = TargetEncoder(cv=5, target_type="continuous").fit(grades, whole)
print("integers, told", encoder.target_type_, encoder.transform(grades).shape)
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
integers multiclass (60, 60)
floats continuous (60, 1)
integers, told continuous (60, 1)
EXPECTED
