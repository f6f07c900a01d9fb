#!/usr/bin/env bash
# OneHotEncoder takes NaN, None and pd.NA for three different categories, and says nothing.
#
# Seen with scikit-learn 1.9.1, pandas 3.1.1, Python 3.11.
# A column of texts in which a missing cell is NaN, as pandas reads it from a CSV, gives the
# encoder a category "nan". Asked about the same missing cell as None (what json.loads makes of
# null) or as pd.NA (what a nullable column holds), handle_unknown="ignore" answers with all
# zeros: a service that is asked in JSON predicts something else than the notebook did.
# What helps: bring all three to one value before encoding, at training and at serving alike.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check scikit-learn==1.9.1 pandas==3.1.1
"$folder/venv/bin/python" - >"$folder/seen" <<'PYTHON'
import numpy as np
import pandas as pd
from sklearn.preprocessing import OneHotEncoder

grades = np.array([["junior"], ["senior"], [np.nan]], dtype=object)
encoder = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(grades)
for name, missing in {"NaN": np.nan, "None": None, "pd.NA": pd.NA}.items():
    print(name, encoder.transform(np.array([[missing]], dtype=object))[0].tolist())
PYTHON
diff - "$folder/seen" <<'EXPECTED' && echo "as described"
NaN [0.0, 0.0, 1.0]
None [0.0, 0.0, 0.0]
pd.NA [0.0, 0.0, 0.0]
EXPECTED
