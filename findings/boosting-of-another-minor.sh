#!/usr/bin/env bash
# Gradient boosting that one minor version of scikit-learn has saved, the next cannot load at all.
#
# Seen with scikit-learn 1.8.0 and 1.9.1, skops 0.16.0, Python 3.11.
# scikit-learn warns when a model of another version is loaded, and most load: a line saved under 1.8
# predicts the same bits under 1.9. Of HistGradientBoostingRegressor neither the pickle loads (the
# module of its loss has moved) nor the skops file (the type of that loss is another one), so that a
# production model can be neither served nor compared after an upgrade that took a minute.
# What helps: keep the trees as plain arrays beside the model, made while it still loads.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
for version in 1.8.0 1.9.1; do
    python3 -m venv "$version"
    "$version/bin/pip" install --quiet --disable-pip-version-check "scikit-learn==$version" \
        skops==0.16.0 numpy==2.4.0
done
1.8.0/bin/python - <<'PYTHON'
import pickle

import skops.io
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LinearRegression

for estimator in (LinearRegression(), HistGradientBoostingRegressor(min_samples_leaf=1)):
    model = estimator.fit([[0.0], [1.0], [2.0]], [10.0, 20.0, 30.0])
    with open(f"{type(model).__name__}.pickle", "wb") as file:
        pickle.dump(model, file)
    skops.io.dump(model, f"{type(model).__name__}.skops")
PYTHON
1.9.1/bin/python -W ignore - >seen <<'PYTHON'
import pickle

import skops.io

for name in ("LinearRegression", "HistGradientBoostingRegressor"):
    for kind in ("pickle", "skops"):
        path = f"{name}.{kind}"
        try:
            if kind == "pickle":
                model = pickle.load(open(path, "rb"))
            else:
                types = skops.io.get_untrusted_types(file=path)
                model = skops.io.load(path, trusted=types)
            print(path, "predicts", round(float(model.predict([[1.0]])[0]), 6))
        except Exception as error:
            print(path, type(error).__name__)
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
LinearRegression.pickle predicts 20.0
LinearRegression.skops predicts 20.0
HistGradientBoostingRegressor.pickle ModuleNotFoundError
HistGradientBoostingRegressor.skops ModuleNotFoundError
EXPECTED
