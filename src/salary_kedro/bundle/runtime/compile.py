"""Turns a fitted Pipeline into plain numbers; what it does not understand it does not guess.

It reads what scikit-learn documents of fitted estimators, but for boosting: `sklearn_adapter`.
"""

import math
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    OneHotEncoder,
    OrdinalEncoder,
    SplineTransformer,
    StandardScaler,
    TargetEncoder,
)
from sklearn.tree import DecisionTreeRegressor

from salary_kedro.bundle.runtime import sklearn_adapter as adapter
from salary_kedro.bundle.runtime.curves import curves_of
from salary_kedro.bundle.runtime.form import (
    MAX_COEFFICIENTS,
    CategoryInput,
    Curves,
    Form,
    Input,
    Linear,
    Nodes,
    NumberInput,
    Plain,
    Trees,
    order_by_level,
)
from salary_kedro.contract import Contract

FLOAT32 = np.finfo(np.float32)


class UncompilableError(Exception):
    """What keeps a model from becoming plain numbers, in a few words."""


def compile_model(model: Pipeline, contract: Contract) -> Plain:
    """Turn a fitted Pipeline into plain numbers.

    Raises:
        UncompilableError: If a part of it is not known here.
    """
    preprocess, estimator = _steps(model, ColumnTransformer)
    log_target = isinstance(estimator, TransformedTargetRegressor)
    if log_target:
        if (estimator.func, estimator.inverse_func) != (np.log, np.exp):
            raise UncompilableError("the target is transformed by something else than a logarithm")
        estimator = estimator.regressor_
    inputs = _inputs(preprocess, contract)
    columns = sum(len(item.places) for item in inputs)
    if estimator.n_features_in_ != columns:
        raise UncompilableError(f"it predicts by {estimator.n_features_in_} columns, not {columns}")
    found, nodes = _predictor(estimator, columns)
    return Plain(Form(inputs=inputs, model=found, log_target=log_target), nodes)


def _steps(pipeline: Pipeline, *kinds: type) -> list[Any]:
    """The steps of a Pipeline, which must be of exactly some kinds; the last may be any."""
    steps = [step for _, step in pipeline.steps]
    if [type(step) for step in steps[: len(kinds)]] != [*kinds] or len(steps) > len(kinds) + 1:
        raise UncompilableError(f"its steps are {', '.join(type(step).__name__ for step in steps)}")
    return steps


def _inputs(preprocess: ColumnTransformer, contract: Contract) -> tuple[Input, ...]:
    """What becomes of each input of the contract, by the fitted steps that take it."""
    if preprocess.transformer_weights or preprocess.remainder != "drop":
        raise UncompilableError("its columns are weighted, or those without a step are kept")
    found: dict[int, Input] = {}
    for name, step, places in preprocess.transformers_:
        output = preprocess.output_indices_[name]
        if name == "remainder" and step == "drop":
            continue
        first = iter(range(output.start, output.stop))
        made = [*_treated(step, len(places), first)]
        if len(made) != len(places) or next(first, None) is not None:
            raise UncompilableError(f"the step '{name}' makes other columns than expected")
        found |= dict(zip(map(int, places), made, strict=True))
    if sorted(found) != [*range(len(contract.inputs))]:
        raise UncompilableError("its steps do not take each input once")
    return tuple(found[place] for place in sorted(found))


def _treated(step: Any, inputs: int, columns: Iterator[int]) -> list[Input]:
    """What a fitted step makes of its inputs, and into which columns."""
    if step == "passthrough" or (isinstance(step, FunctionTransformer) and step.func is None):
        return [NumberInput(column=next(columns)) for _ in range(inputs)]
    if isinstance(step, SimpleImputer):
        return [*_imputed(step, columns)]
    if isinstance(step, OneHotEncoder):
        return [*_one_hot(step, columns)]
    if isinstance(step, Pipeline):
        encode, then = _steps(step, OrdinalEncoder)
        if isinstance(then, SimpleImputer):
            return [*_ordered(encode, then, columns)]
        if isinstance(then, TargetEncoder):
            return [*_target_means(encode, then, columns)]
        raise UncompilableError(f"an OrdinalEncoder is followed by a {type(then).__name__}")
    raise UncompilableError(f"the step {type(step).__name__} is not known")


def _imputed(step: SimpleImputer, columns: Iterator[int]) -> Iterator[NumberInput]:
    if not _fills_nan(step) or step.strategy != "median":
        raise UncompilableError("a SimpleImputer does not put the median in the place of NaN")
    marked = [] if step.indicator_ is None else [*step.indicator_.features_]
    values = [next(columns) for _ in step.statistics_]
    marks = {place: next(columns) for place in marked}
    for place, (column, fill) in enumerate(zip(values, step.statistics_, strict=True)):
        yield NumberInput(column=column, fill=float(fill), indicator=marks.get(place))


def _fills_nan(step: SimpleImputer) -> bool:
    """Whether NaN is what stands for a missing value, and no column is left out."""
    return (
        isinstance(step.missing_values, float)
        and math.isnan(step.missing_values)
        and bool(np.isfinite(step.statistics_).all())
    )


def _texts(categories: Sequence[Any]) -> tuple[tuple[str, ...], int | None]:
    """The texts among fitted categories, and the place of NaN, which stands last; None for none."""
    texts = tuple(str(value) for value in categories if isinstance(value, str))
    rest = [*categories[len(texts) :]]
    if len(rest) > 1 or not all(isinstance(value, float) and math.isnan(value) for value in rest):
        raise UncompilableError("categories are not texts, followed by NaN or not")
    return texts, len(texts) if rest else None


def _one_hot(step: OneHotEncoder, columns: Iterator[int]) -> Iterator[CategoryInput]:
    odd = step.drop is not None or step.min_frequency is not None or step.max_categories is not None
    if odd or step.handle_unknown != "ignore" or step.sparse_output:
        raise UncompilableError("a OneHotEncoder drops or joins categories, or refuses some")
    for categories in step.categories_:
        texts, missing = _texts(categories)
        nothing = (0.0,) * len(categories)
        codes = [(*nothing[:place], 1.0, *nothing[place + 1 :]) for place in range(len(categories))]
        yield CategoryInput(
            columns=tuple(next(columns) for _ in categories),
            texts=texts,
            codes=tuple(codes[: len(texts)]),
            missing=nothing if missing is None else codes[missing],
            unknown=nothing,
        )


def _places_of(encode: OrdinalEncoder) -> Iterator[tuple[tuple[str, ...], list[float]]]:
    """By input: its texts, and the place of each, of a missing and of an unknown one, in a row."""
    odd = encode.min_frequency is not None or encode.max_categories is not None
    if odd or encode.handle_unknown != "use_encoded_value":
        raise UncompilableError("an OrdinalEncoder joins categories, or refuses unknown ones")
    for categories in encode.categories_:
        texts, missing = _texts(categories)
        unknown = float(encode.unknown_value)
        lost = unknown if missing is None else float(encode.encoded_missing_value)
        yield texts, [*map(float, range(len(texts))), lost, unknown]


def _coded(texts: tuple[str, ...], columns: Sequence[int], codes: Sequence[Any]) -> CategoryInput:
    *known, missing, unknown = [tuple(map(float, code)) for code in codes]
    return CategoryInput(
        columns=tuple(columns), texts=texts, codes=tuple(known), missing=missing, unknown=unknown
    )


def _ordered(
    encode: OrdinalEncoder, impute: SimpleImputer, columns: Iterator[int]
) -> Iterator[CategoryInput]:
    for (texts, places), number in zip(
        _places_of(encode), [*_imputed(impute, columns)], strict=True
    ):
        lost = [math.isnan(place) for place in places]
        codes = [
            number.fill if is_lost else place for place, is_lost in zip(places, lost, strict=True)
        ]
        if number.indicator is None:
            yield _coded(texts, [number.column], [(code,) for code in codes])
        else:
            both = [number.column, number.indicator]
            yield _coded(texts, both, [*zip(codes, lost, strict=True)])


def _target_means(
    encode: OrdinalEncoder, then: TargetEncoder, columns: Iterator[int]
) -> Iterator[CategoryInput]:
    fitted = zip(_places_of(encode), then.categories_, then.encodings_, strict=True)
    for (texts, places), met, means in fitted:
        known = {_key(place): float(mean) for place, mean in zip(met, means, strict=True)}
        codes = [(known.get(_key(place), float(then.target_mean_)),) for place in places]
        yield _coded(texts, [next(columns)], codes)


def _key(place: float) -> float | None:
    """NaN equals nothing, and is found by nothing."""
    return None if math.isnan(place) else float(place)


def _predictor(estimator: Any, columns: int) -> tuple[Linear | Curves | Trees, Nodes | None]:
    means, scales = np.zeros(columns), np.ones(columns)
    if type(estimator) is Pipeline and type(estimator.steps[0][1]) is SplineTransformer:
        splines, line = _steps(estimator, SplineTransformer)
        return _curves(splines, line), None
    if type(estimator) is Pipeline:
        scaler, estimator = _steps(estimator, StandardScaler)
        means = means if scaler.mean_ is None or not scaler.with_mean else scaler.mean_
        scales = scales if scaler.scale_ is None else scaler.scale_
        if type(estimator) not in (LinearRegression, Ridge):
            raise UncompilableError(f"a {type(estimator).__name__} predicts by scaled columns")
    match estimator:
        case LinearRegression() | Ridge():
            return _line(estimator, means, scales), None
        case DecisionTreeRegressor():
            return _grown([estimator], start=0.0, exponential=False)
        case RandomForestRegressor():
            return _grown(estimator.estimators_, start=0.0, exponential=False)
        case HistGradientBoostingRegressor():
            return _boosted(estimator)
    raise UncompilableError(f"a {type(estimator).__name__} is not known")


def _line(estimator: Any, means: Any, scales: Any) -> Linear:
    if np.ndim(estimator.coef_) != 1:
        raise UncompilableError("it predicts several targets")
    return Linear(
        intercept=float(estimator.intercept_),
        coefficients=tuple(map(float, estimator.coef_)),
        means=tuple(map(float, means)),
        scales=tuple(map(float, scales)),
    )


def _curves(splines: SplineTransformer, line: Any) -> Curves:
    if type(line) is not Ridge or np.ndim(line.coef_) != 1:
        raise UncompilableError(f"a {type(line).__name__} predicts by splines")
    odd = splines.extrapolation != "linear" or not splines.include_bias or splines.sparse_output
    if odd or splines.degree != MAX_COEFFICIENTS - 1:
        raise UncompilableError("its splines lack a part, are not cubic, or do not go on as lines")
    return curves_of(splines, line)


def _grown(trees: Sequence[Any], *, start: float, exponential: bool) -> tuple[Trees, Nodes]:
    """Trees that compare numbers as float32 with their thresholds."""
    nodes = order_by_level(_tree(tree.tree_) for tree in trees)
    is_inner = nodes.features >= 0
    nodes.numbers[is_inner] = widened(nodes.numbers[is_inner])
    most = float(np.nextafter(float(FLOAT32.max) + 2.0**103, 0))  # what rounds to the largest one
    return Trees(start=start, divisor=len(trees), exponential=exponential, most=most), nodes


def _tree(tree: Any) -> adapter.Tree:
    is_leaf = tree.children_left < 0
    if tree.n_outputs != 1:
        raise UncompilableError("it predicts several targets")
    return (
        np.where(is_leaf, -1, tree.feature),
        np.where(is_leaf, tree.value[:, 0, 0], tree.threshold),
        tree.missing_go_to_left,
        tree.children_left,
        tree.children_right,
    )


def widened(thresholds: NDArray[np.float64]) -> NDArray[np.float64]:
    """The float64 up to which a number, made a float32, is at most a threshold.

    Rounding rises with the number, so there is one: halfway to the first float32 beyond the
    threshold, or just below it, as a number halfway goes to the even neighbour.
    """
    with np.errstate(over="ignore"):
        near = thresholds.astype(np.float32)
        low = np.where(near > thresholds, np.nextafter(near, -FLOAT32.dtype.type(np.inf)), near)
        high = np.nextafter(low, FLOAT32.dtype.type(np.inf)).astype(np.float64)
        middle = low.astype(np.float64) / 2 + high / 2
        rounded = middle.astype(np.float32)
        found = np.where(rounded > low, np.nextafter(middle, -np.inf), middle)
    return np.where(np.isfinite(high), found, np.inf)


def _boosted(estimator: HistGradientBoostingRegressor) -> tuple[Trees, Nodes]:
    exponential = adapter.boosted_link(estimator)
    if exponential is None:
        raise UncompilableError(f"the link of its loss {estimator.loss!r} is not known")
    if estimator.is_categorical_ is not None:
        raise UncompilableError("its trees tell categories apart by themselves")
    start = adapter.boosted_start(estimator)
    model = Trees(start=start, divisor=1, exponential=exponential, most=None)
    return model, order_by_level(adapter.boosted_trees(estimator))


def sums_in_order(model: Pipeline) -> bool:
    """Whether a model of trees adds them up in their order; a forest of several threads may not."""
    estimator = model.steps[-1][1]
    if isinstance(estimator, TransformedTargetRegressor):
        estimator = estimator.regressor_
    return getattr(estimator, "n_jobs", None) in (None, 1)
