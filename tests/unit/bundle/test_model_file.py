"""Model files: every estimator comes back, and nothing that is not on the list does."""

import pickle
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import skops.io
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.model_file import TRUSTED_TYPES, read_model
from salary_kedro.errors import UserError
from salary_kedro.modelling.estimators import build_pipeline
from salary_kedro.modelling.names import MODEL_NAMES, ModelName
from salary_kedro.tables.frames import learn_domain
from samples import QUICK, category, column, constant, contract_of

BOTH = contract_of(column("age"), column("rank", required=False))
ROWS = pd.DataFrame({"age": np.linspace(0, 60, 50), "rank": [1.0, 2.0, 3.0, 4.0, np.nan] * 10})
SALARIES = 1000 * ROWS["age"] + 300 * (ROWS.index % 7)


def fitted(model: ModelName) -> Pipeline:
    return build_pipeline(BOTH, model, QUICK.get(model, {}), 234).fit(ROWS, SALARIES)


def fitted_on_many_categories() -> Pipeline:
    """A model that encodes categories by their mean target."""
    contract = contract_of(category("job", {"min_count": 1}))
    rows = pd.DataFrame({"job": [f"job {row % 25}" for row in range(50)]})
    domain = learn_domain(rows, contract)
    return build_pipeline(contract, "ridge", {}, 234, domain).fit(rows, SALARIES)


@pytest.mark.parametrize("model", MODEL_NAMES)
def test_read_model_when_any_of_the_estimators_was_written_then_predicts_the_same(
    model: ModelName,
) -> None:
    original = fitted(model)

    restored = read_model(skops.io.dumps(original))

    np.testing.assert_array_equal(restored.predict(ROWS), original.predict(ROWS))


def test_trusted_types_when_compared_with_what_estimators_need_then_are_exactly_those() -> None:
    models = [*map(fitted, MODEL_NAMES), fitted_on_many_categories()]
    needed = {
        name
        for model in models
        for name in skops.io.get_untrusted_types(data=skops.io.dumps(model))
    }

    assert needed == set(TRUSTED_TYPES)


def test_read_model_when_given_a_path_then_reads_the_file(tmp_path: Path) -> None:
    (tmp_path / "model.skops").write_bytes(skops.io.dumps(constant(7)))

    assert read_model(tmp_path / "model.skops").predict([[0.0]]).tolist() == [7.0]


def test_read_model_when_a_type_is_not_on_the_list_then_names_it() -> None:
    model = Pipeline([("model", KNeighborsRegressor(1, algorithm="kd_tree"))]).fit([[0.0]], [1.0])

    with pytest.raises(UserError, match=r"^the model file cannot be loaded: .*KDTree"):
        read_model(skops.io.dumps(model))


def test_read_model_when_it_is_no_pipeline_then_says_what_it_is() -> None:
    with pytest.raises(UserError) as caught:
        read_model(skops.io.dumps(LinearRegression()))

    assert str(caught.value) == "the model file holds a LinearRegression, not a Pipeline"


@pytest.mark.parametrize(
    "content",
    [b"", b"garbage", skops.io.dumps(constant(7))[:-40], pickle.dumps(constant(7))],
    ids=["empty", "garbage", "cut off", "pickle"],
)
def test_read_model_when_the_file_is_damaged_then_is_a_user_error(content: bytes) -> None:
    with pytest.raises(UserError, match=r"^the model file cannot be loaded: "):
        read_model(content)


def test_read_model_when_the_file_is_missing_then_is_a_user_error(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^the model file cannot be loaded: .*No such file"):
        read_model(tmp_path / "model.skops")
