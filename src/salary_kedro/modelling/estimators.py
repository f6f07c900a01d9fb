"""The estimators a run may choose, and the Pipeline each is fitted in.

A reviewed table: a name stands for one factory, nothing is imported by string.
scikit-learn's estimators are imported by the factory that needs them, because a
run uses one and their modules are slow to import.
"""

import difflib
import inspect
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import numpy as np
from sklearn.base import RegressorMixin
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.impute import SimpleImputer
from sklearn.model_selection import KFold
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from salary_kedro.contract import Category, Contract, Feature
from salary_kedro.contract.domain import Domain
from salary_kedro.errors import UserError
from salary_kedro.modelling.names import ModelName
from salary_kedro.modelling.sklearn_adapter import check_hyperparameters

#: More categories than this are encoded by their mean target instead of a column each.
MAX_ONE_HOT = 20
NOTHING_MET = Domain()


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


def _spline_ridge(
    random_state: int, n_knots: int = 5, alpha: float = 0.1, **settings: Any
) -> RegressorMixin:
    """A smooth cubic curve for each column, of which ridge adds up the parts.

    Eilers and Marx (1996), Statistical Science 11(2), though with a plain ridge penalty. Knots lie
    at quantiles; beyond the outermost, curves go on as lines.
    """
    from sklearn.linear_model import Ridge
    from sklearn.preprocessing import SplineTransformer

    curves = SplineTransformer(n_knots, knots="quantile", extrapolation="linear")
    line = Ridge(alpha=alpha, random_state=random_state, **settings)
    return Pipeline([("splines", curves), ("ridge", line)])


def _hist_gradient_boosting(random_state: int, **settings: Any) -> RegressorMixin:
    from sklearn.ensemble import HistGradientBoostingRegressor

    if settings.get("categorical_features") not in (None, "from_dtype"):
        raise ValueError("categorical_features is not taken: the contract says what is a category")
    return HistGradientBoostingRegressor(random_state=random_state, **settings)


ESTIMATORS: dict[ModelName, Callable[..., RegressorMixin]] = {
    "linear_regression": _linear_regression,
    "decision_tree": _decision_tree,
    "random_forest": _random_forest,
    "ridge": _ridge,
    "spline_ridge": _spline_ridge,
    "hist_gradient_boosting": _hist_gradient_boosting,
}


def build_pipeline(
    contract: Contract,
    model: ModelName,
    hyperparameters: dict[str, Any],
    random_state: int,
    domain: Domain = NOTHING_MET,
) -> Pipeline:
    """Build the unfitted Pipeline of a model: preprocessing by the contract, then the estimator.

    Args:
        contract: Names the features, in the order of the model's input columns.
        model: A key of `ESTIMATORS`.
        hyperparameters: The estimator's own settings, by their scikit-learn names.
        random_state: Seed of everything random in the fit.
        domain: What the training rows cover; the number of categories decides their
            encoding.

    Raises:
        UserError: If the estimator has no such hyperparameter, or refuses its value.
    """
    estimator = build_estimator(model, hyperparameters, random_state)
    if contract.target.log_scale:
        estimator = TransformedTargetRegressor(estimator, func=np.log, inverse_func=np.exp)
    return Pipeline(
        [("preprocess", _preprocessing(contract, domain, random_state)), ("model", estimator)]
    )


def build_estimator(
    model: ModelName,
    hyperparameters: dict[str, Any],
    random_state: int,
    where: str = "data_science.hyperparameters",
) -> RegressorMixin:
    """Build the unfitted estimator, its hyperparameters checked.

    Args:
        model: A key of `ESTIMATORS`.
        hyperparameters: The estimator's own settings, by their scikit-learn names.
        random_state: Seed of everything random in the fit.
        where: The parameter that holds them by model, as an error names it.

    Raises:
        UserError: If the estimator has no such hyperparameter, or refuses its value.
    """
    try:
        estimator = ESTIMATORS[model](random_state=random_state, **hyperparameters)
        check_hyperparameters(estimator)
    except (TypeError, ValueError) as error:
        raise UserError(f"{where}.{model}: {_why(model, hyperparameters, error)}") from error
    return estimator


def _why(model: ModelName, hyperparameters: dict[str, Any], error: Exception) -> str:
    """What is wrong with hyperparameters that the estimator has refused."""
    if "random_state" in hyperparameters:
        return "'random_state' is not taken here: data_science.random_state is the seed"
    known = hyperparameter_names(model)
    unknown = [name for name in hyperparameters if name not in known]
    if not unknown:
        return f"{error}; scikit-learn's documentation of the estimator lists what it takes"
    close = difflib.get_close_matches(unknown[0], known, n=1)
    guess = f": did you mean '{close[0]}'?" if close else ""
    return f"{model} has no setting '{unknown[0]}'{guess}; it has {', '.join(known)}"


def hyperparameter_names(model: ModelName) -> list[str]:
    """What settings an estimator has, but for its seed."""
    estimator = ESTIMATORS[model](random_state=0)
    last = estimator.steps[-1][1] if isinstance(estimator, Pipeline) else estimator
    named = inspect.signature(ESTIMATORS[model]).parameters
    return sorted({*last.get_params(deep=False), *named} - {"random_state", "settings"})


def _preprocessing(contract: Contract, domain: Domain, random_state: int) -> ColumnTransformer:
    """Columns are addressed by position, so that the fitted Pipeline takes plain arrays too."""
    places: dict[str, list[int]] = defaultdict(list)
    for place, feature in enumerate(contract.inputs):
        places[_treatment(feature, domain)].append(place)
    texts = {
        name: [_categories(contract.inputs[place], domain) for place in places[name]]
        for name in ("ordered", "few", "many")
    }
    steps = {
        "required": "passthrough",
        "optional": _median(),
        "indicated": _median(add_indicator=True),
        "ordered": Pipeline(
            [("encode", _places(texts["ordered"])), ("impute", _median(add_indicator=True))]
        ),
        "few": OneHotEncoder(categories=texts["few"], handle_unknown="ignore", sparse_output=False),
        "many": Pipeline(
            [("encode", _places(texts["many"])), ("target", _target_mean(random_state))]
        ),
    }
    return ColumnTransformer(
        [(name, step, places[name]) for name, step in steps.items() if places[name]]
    )


def _treatment(feature: Feature, domain: Domain) -> str:
    """Which step of the preprocessing takes a feature."""
    if isinstance(feature, Category):
        if feature.ordered:
            return "ordered"
        return "few" if len(_categories(feature, domain)) <= MAX_ONE_HOT else "many"
    if feature.required:
        return "required"
    return "indicated" if feature.missing == "indicate" else "optional"


def _categories(feature: Any, domain: Domain) -> list[Any]:
    """The categories that are told apart; all others are one.

    Texts that few training rows have would tell of single persons, and stay out of the
    fitted model.
    """
    met = feature.listed if feature.ordered else domain.categories.get(feature.name)
    met = met or feature.listed or (feature.example,)
    return [*met] if feature.required else [*met, np.nan]


def _median(*, add_indicator: bool = False) -> SimpleImputer:
    """The training median for what is missing; 0 where all training values were."""
    return SimpleImputer(strategy="median", keep_empty_features=True, add_indicator=add_indicator)


def _places(texts: list[list[Any]]) -> OrdinalEncoder:
    """Categories by their place; -1 for all that are not told apart, NaN for a missing one."""
    return OrdinalEncoder(categories=texts, handle_unknown="use_encoded_value", unknown_value=-1)


def _target_mean(random_state: int) -> TargetEncoder:
    """Many categories, by the shrunken mean target of their rows, fitted across folds.

    Micci-Barreca (2001), SIGKDD Explorations 3(1).
    """
    folds = KFold(n_splits=5, shuffle=True, random_state=random_state)
    return TargetEncoder(target_type="continuous", cv=folds)
