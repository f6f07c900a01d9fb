"""The estimators a run may choose, and the Pipeline each is fitted in.

A reviewed table: a name stands for one factory, nothing is imported by string.
scikit-learn's estimators are imported by the factory that needs them, because a
run uses one and their modules are slow to import.
"""

from collections.abc import Callable
from typing import Any, Literal, get_args

from sklearn.base import RegressorMixin
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from salary_kedro.contract import Contract
from salary_kedro.errors import UserError

ModelName = Literal[
    "linear_regression", "decision_tree", "random_forest", "ridge", "hist_gradient_boosting"
]
MODEL_NAMES: tuple[ModelName, ...] = get_args(ModelName)


def _linear_regression(random_state: int, **settings: Any) -> RegressorMixin:
    from sklearn.linear_model import LinearRegression

    return LinearRegression(**settings)


def _decision_tree(random_state: int, **settings: Any) -> RegressorMixin:
    from sklearn.tree import DecisionTreeRegressor

    return DecisionTreeRegressor(random_state=random_state, **settings)


def _random_forest(random_state: int, **settings: Any) -> RegressorMixin:
    from sklearn.ensemble import RandomForestRegressor

    return RandomForestRegressor(random_state=random_state, **settings)


def _ridge(random_state: int, **settings: Any) -> RegressorMixin:
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import StandardScaler

    # The penalty treats all coefficients alike only when the features share one scale.
    return Pipeline(
        [("scale", StandardScaler()), ("ridge", Ridge(random_state=random_state, **settings))]
    )


def _hist_gradient_boosting(random_state: int, **settings: Any) -> RegressorMixin:
    from sklearn.ensemble import HistGradientBoostingRegressor

    return HistGradientBoostingRegressor(random_state=random_state, **settings)


ESTIMATORS: dict[ModelName, Callable[..., RegressorMixin]] = {
    "linear_regression": _linear_regression,
    "decision_tree": _decision_tree,
    "random_forest": _random_forest,
    "ridge": _ridge,
    "hist_gradient_boosting": _hist_gradient_boosting,
}


def build_pipeline(
    contract: Contract, model: ModelName, hyperparameters: dict[str, Any], random_state: int
) -> Pipeline:
    """Build the unfitted Pipeline of a model: preprocessing by the contract, then the estimator.

    Args:
        contract: Names the features, in the order of the model's input columns.
        model: A key of `ESTIMATORS`.
        hyperparameters: The estimator's own settings, by their scikit-learn names.
        random_state: Seed of everything random in the fit.

    Raises:
        UserError: If the estimator has no such hyperparameter, or refuses its value.
    """
    estimator = build_estimator(model, hyperparameters, random_state)
    return Pipeline([("preprocess", _preprocessing(contract)), ("model", estimator)])


def build_estimator(
    model: ModelName, hyperparameters: dict[str, Any], random_state: int
) -> RegressorMixin:
    """Build the unfitted estimator, its hyperparameters checked.

    Raises:
        UserError: If the estimator has no such hyperparameter, or refuses its value.
    """
    try:
        estimator = ESTIMATORS[model](random_state=random_state, **hyperparameters)
        for part in getattr(estimator, "named_steps", {"": estimator}).values():
            part._validate_params()
    except (TypeError, ValueError) as error:
        raise UserError(
            f"data_science.hyperparameters.{model}: {error}; "
            f"scikit-learn's documentation of the estimator lists what it takes"
        ) from error
    return estimator


def _preprocessing(contract: Contract) -> ColumnTransformer:
    """Columns are addressed by position, so that the fitted Pipeline takes plain arrays too."""
    required = [i for i, feature in enumerate(contract.features) if feature.required]
    optional = [i for i, feature in enumerate(contract.features) if not feature.required]
    return ColumnTransformer(
        [
            ("required", "passthrough", required),
            ("optional", SimpleImputer(strategy="median"), optional),
        ]
    )
