#!/usr/bin/env bash
# crepes takes one residual too many at the calibration sizes where the rank is a whole number.
#
# Seen with crepes 0.9.1, scikit-learn 1.9.1, Python 3.11.
# Split conformal prediction at level c takes the residual of rank ceil(c * (n + 1)) out of n. At
# c = 0.9 that is a whole number for n = 19, 29, 39 ...; there crepes gives the next larger one, so
# its intervals are wider than needed. For n = 9, where the rank is 9 and exists, it gives infinity.
# It matters for small tables, in comparing widths, and in tests that want equal figures.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check crepes==0.9.1 scikit-learn==1.9.1
"$folder/venv/bin/python" -W ignore - >"$folder/seen" <<'PYTHON'
from fractions import Fraction
from math import ceil

import numpy as np
from crepes import ConformalRegressor

for rows in (9, 10, 18, 19, 20, 29, 39):
    residuals = np.arange(1, rows + 1, dtype=float)  # the residual of rank k is k
    fitted = ConformalRegressor().fit(residuals)
    given = fitted.predict_int(np.array([0.0]), confidence=0.9)[0, 1]
    print(rows, "rows: rank", ceil(Fraction(9, 10) * (rows + 1)), "given", float(given))
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
9 rows: rank 9 given inf
10 rows: rank 10 given 10.0
18 rows: rank 18 given 18.0
19 rows: rank 18 given 19.0
20 rows: rank 19 given 19.0
29 rows: rank 27 given 28.0
39 rows: rank 36 given 37.0
EXPECTED
