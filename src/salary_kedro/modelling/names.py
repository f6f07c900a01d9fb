"""The names of the estimators a run may choose: what a parameter may be, without scikit-learn."""

from typing import Literal, get_args

ModelName = Literal[
    "linear_regression",
    "decision_tree",
    "random_forest",
    "ridge",
    "spline_ridge",
    "hist_gradient_boosting",
]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)
