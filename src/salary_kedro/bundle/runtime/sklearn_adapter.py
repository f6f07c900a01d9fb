"""The one place that knows the inside of scikit-learn's boosting: its trees have no public form."""

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingRegressor

#: What the link of a loss makes of the sum of trees: whether e is raised to it.
LINKS = {"IdentityLink": False, "LogLink": True}

Tree = tuple[NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any], NDArray[Any]]


def boosted_start(model: HistGradientBoostingRegressor) -> float:
    """What the values of its trees are added to."""
    return float(model._baseline_prediction.item())


def boosted_link(model: HistGradientBoostingRegressor) -> bool | None:
    """Whether e is raised to the sum; None if it is something else that is done to it."""
    return LINKS.get(type(model._loss.link).__name__)


def boosted_trees(model: HistGradientBoostingRegressor) -> list[Tree]:
    """Its trees, as `order_by_level` takes them; all are of thresholds."""
    return [_tree(predictor.nodes) for (predictor,) in model._predictors]


def _tree(nodes: NDArray[Any]) -> Tree:
    is_leaf = nodes["is_leaf"].astype(bool)
    return (
        np.where(is_leaf, -1, nodes["feature_idx"].astype(np.int64)),
        np.where(is_leaf, nodes["value"], nodes["num_threshold"]),
        nodes["missing_go_to_left"],
        nodes["left"].astype(np.int64),
        nodes["right"].astype(np.int64),
    )
