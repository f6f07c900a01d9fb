"""Parameters: every misspelt key and bad value is named before a run begins."""

from hashlib import sha256
from typing import Any

import pytest

from salary_kedro.bundle.lineage import Lineage
from salary_kedro.contract import Contract
from salary_kedro.errors import UserError
from salary_kedro.project.parameters import (
    CrossValidation,
    DataEngineering,
    DataScience,
    Packaging,
    RegistryNames,
    TrainedBy,
    check_parameters,
    parameters_hash,
    parameters_lineage,
    read_parameters,
)
from salary_kedro.promotion.verdict import Policy


@pytest.fixture
def content(contract: Contract) -> dict[str, Any]:
    """Parameters as the YAML files give them."""
    return {
        "contract": contract.model_dump(mode="json"),
        "registry": {"model_name": "salaries"},
        "data_engineering": {"train_size": 0.7, "random_state": 234},
        "data_science": {
            "model": "ridge",
            "random_state": 234,
            "cross_validation": {"folds": 5, "repeats": 2},
            "hyperparameters": {"ridge": {"alpha": 0.5}},
        },
        "promotion": {"required_confidence": 0.95},
        "packaging": {"bento_name": "salary_prediction"},
    }


def refusal(content: dict[str, Any], **changes: Any) -> str:
    """What is said of parameters of which some, by dotted name, were changed."""
    for name, value in changes.items():
        *groups, key = name.split("__")
        group = content
        for part in groups:
            group = group[part]
        group[key] = value
    with pytest.raises(UserError) as caught:
        check_parameters(content)
    return str(caught.value)


def test_check_parameters_when_all_is_well_then_gives_typed_groups(
    content: dict[str, Any], contract: Contract
) -> None:
    found = check_parameters(content)

    assert found.contract == contract
    assert found.registry == RegistryNames(model_name="salaries")
    assert found.promotion == Policy(required_confidence=0.95)
    assert found.data_engineering == DataEngineering(train_size=0.7, random_state=234)
    assert found.data_science == DataScience(
        model="ridge",
        random_state=234,
        cross_validation=CrossValidation(folds=5, repeats=2),
        hyperparameters={"ridge": {"alpha": 0.5}},
    )
    assert found.packaging == Packaging(bento_name="salary_prediction")


def test_check_parameters_when_short_cuts_are_given_then_takes_them(
    content: dict[str, Any],
) -> None:
    found = check_parameters({**content, "model": "ridge", "refresh": True})

    assert (found.model, found.refresh) == ("ridge", True)


def test_check_parameters_when_the_short_cut_has_no_effect_then_says_so(
    content: dict[str, Any],
) -> None:
    assert refusal(content, model="random_forest") == (
        "model=random_forest has no effect, because data_science.model is set to 'ridge' without "
        "a way to override it: write `model: ${runtime_params:model,ridge}` there"
    )


@pytest.mark.parametrize("name", ["rows_to_score", "scored_rows", "true_salaries"])
@pytest.mark.parametrize("value", [None, "", " "])
def test_check_parameters_when_a_file_is_empty_then_says_to_name_one(
    name: str, value: str | None, content: dict[str, Any]
) -> None:
    assert refusal(content, **{name: value}) == (
        f"parameters.{name}: is empty: name a .csv or .parquet file, or leave it out"
    )


@pytest.mark.parametrize(
    ("unknown", "meant"),
    [
        ("modle", "model"),
        ("registri", "registry"),
        ("hyperparameters", "data_science.hyperparameters"),
        ("trainsize", "data_engineering.train_size"),
    ],
)
def test_check_parameters_when_a_name_is_nearly_right_then_suggests_the_right_one(
    unknown: str, meant: str, content: dict[str, Any]
) -> None:
    assert refusal(content, **{unknown: 1}) == (
        f"unknown parameter '{unknown}': did you mean '{meant}'? Known are batch_scoring, "
        f"challenger, contract, data_engineering, data_science, model, monitoring, overwrite, "
        "packaging, partitions, promotion, refresh, registry, rows_to_score, scored_rows, "
        "spreadsheet_safe, tournament, true_salaries"
    )


def test_check_parameters_when_a_name_is_like_no_other_then_says_where_to_look(
    content: dict[str, Any],
) -> None:
    message = refusal(content, zzz=1)

    assert message.startswith("unknown parameter 'zzz': see conf/base/parameters*.yml")
    assert "yml Known" not in message  # two sentences


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("warnings", "'warnings' is what scored files call another column: choose another name"),
        ("my salary", "must match '^[A-Za-z][A-Za-z0-9_]*$' (found 'my salary')"),
    ],
)
def test_check_parameters_when_the_prediction_cannot_be_called_so_then_says_why(
    name: str, problem: str, content: dict[str, Any]
) -> None:
    content["batch_scoring"] = {}
    message = refusal(content, batch_scoring__prediction_column=name)

    assert message.startswith(f"parameters.batch_scoring.prediction_column: {problem}")


@pytest.mark.parametrize(
    ("split", "message"),
    [
        (
            "by person",
            (
                "parameters.data_engineering.split: must be random, stable, {group: FIELD} or "
                "{time: FIELD} (found 'by person'); of two fields, make one null"
            ),
        ),
        (
            {"grp": "person", "time": None},
            "parameters.data_engineering.split: unknown key 'grp'; did you mean 'group'?",
        ),
        (
            {"group": "person"},
            (
                "data_engineering.split.group: 'person' is no field that the contract reads; it "
                "may be one of experience_years, or a column that contract.yml gives `use: split`"
            ),
        ),
    ],
    ids=["unknown", "a misspelt key", "no such field"],
)
def test_check_parameters_when_rows_cannot_be_split_so_then_says_what_there_is(
    split: Any, message: str, content: dict[str, Any]
) -> None:
    assert refusal(content, data_engineering__split=split) == message


BENTO_NAMES = "^[a-z0-9]([a-z0-9._-]*[a-z0-9])?$"


@pytest.mark.parametrize(
    ("name", "value", "problem"),
    [
        ("data_engineering__train_size", 1, "must be below 1"),
        ("data_engineering__train_size", 0, "must be above 0"),
        ("data_engineering__random_state", -1, "must be at least 0"),
        (
            "data_science__random_state",
            4294967296,
            "must be at most 4294967295",
        ),
        (
            "data_science__cross_validation__folds",
            1,
            "must be at least 2",
        ),
        (
            "data_science__cross_validation__repeats",
            0,
            "must be auto, or a whole number of at least 1",
        ),
        (
            "data_science__cross_validation__repeats",
            "often",
            "must be auto, or a whole number of at least 1",
        ),
        ("packaging__bento_name", "My Pay", f"must match '{BENTO_NAMES}'"),
        ("registry__model_name", "a/b", "must match '^[^/:']+$'"),
        ("registry__model_name", "people's", "must match '^[^/:']+$'"),
        ("contract__target__unit", "", "must not be empty"),
    ],
)
def test_check_parameters_when_a_value_is_wrong_then_names_key_value_and_what_is_allowed(
    name: str, value: object, problem: str, content: dict[str, Any]
) -> None:
    key = name.replace("__", ".")

    assert refusal(content, **{name: value}) == f"parameters.{key}: {problem} (found {value!r})"


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("data_engineering__train_sise", "unknown key; did you mean 'train_size'?"),
        ("data_science__cross_validation__fold", "unknown key; did you mean 'folds'?"),
        ("contract__target__minimun", "unknown key; did you mean 'minimum'?"),
        ("packaging__zzz", "unknown key; known are bento_name, keep"),
    ],
)
def test_check_parameters_when_a_key_in_a_group_is_unknown_then_says_which_there_are(
    name: str, problem: str, content: dict[str, Any]
) -> None:
    key = name.replace("__", ".")

    assert refusal(content, **{name: 1}) == f"parameters.{key}: {problem}"


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (True, "must be a number (found true)"),
        (90, "must be below 1 (found 90): 90 % is 0.9"),
        (99.5, "must be below 1 (found 99.5): 99.5 % is 0.995"),
        (1, "must be below 1 (found 1)"),
        (900, "must be below 1 (found 900)"),
    ],
)
def test_check_parameters_when_a_share_is_a_percentage_then_says_which_share_it_is(
    value: object, problem: str, content: dict[str, Any]
) -> None:
    assert refusal(content, data_science__intervals={"confidence": value}) == (
        f"parameters.data_science.intervals.confidence: {problem}"
    )


def test_check_parameters_when_the_model_is_unknown_then_names_those_there_are(
    content: dict[str, Any],
) -> None:
    assert refusal(content, data_science__model="forest") == (
        "parameters.data_science.model: must be 'linear_regression', 'decision_tree', "
        "'random_forest', 'ridge', 'spline_ridge' or 'hist_gradient_boosting' (found 'forest')"
    )


def test_check_parameters_when_hyperparameters_are_of_an_unknown_model_then_names_it(
    content: dict[str, Any],
) -> None:
    message = refusal(content, data_science__hyperparameters={"forest": {"n_estimators": 3}})

    assert message.startswith("parameters.data_science.hyperparameters.forest: must be ")
    assert "'random_forest'" in message


def test_check_parameters_when_a_hyperparameter_is_of_no_model_then_says_where_it_belongs(
    content: dict[str, Any],
) -> None:
    settings = {"ridge": {}, "alpha": 2}
    assert refusal(
        content, data_science__model="ridge", data_science__hyperparameters=settings
    ) == (
        "parameters.data_science.hyperparameters: 'alpha' stands beside the models: "
        "hyperparameters are by model, such as data_science.hyperparameters.ridge.alpha"
    )


def test_check_parameters_when_a_model_has_null_then_it_has_no_hyperparameters(
    content: dict[str, Any],
) -> None:
    content["data_science"]["hyperparameters"] = {"ridge": None}

    assert check_parameters(content).data_science.hyperparameters == {"ridge": {}}


def test_check_parameters_when_null_is_of_no_model_then_says_where_it_belongs(
    content: dict[str, Any],
) -> None:
    message = refusal(content, data_science__hyperparameters={"max_depth": None})

    assert "'max_depth' stands beside the models" in message


def test_check_parameters_when_several_are_wrong_then_names_each(content: dict[str, Any]) -> None:
    message = refusal(content, data_engineering__train_size=2, data_science__random_state=-1)

    assert message == (
        "parameters.data_engineering.train_size: must be below 1 (found 2); "
        "parameters.data_science.random_state: must be at least 0 (found -1)"
    )


def test_check_parameters_when_a_group_is_missing_then_names_it(content: dict[str, Any]) -> None:
    del content["packaging"]

    assert refusal(content) == "parameters.packaging: is missing"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"trails": 3}, ".trails: unknown key; did you mean 'trials'?"),
        (
            {"trials": 3},
            ": trials: 3 are fewer than the 6 candidates, each of which is tried as a ",
        ),
        ({"candidates": {}}, ".candidates: must hold at least 1 (found {})"),
        ({"candidates": {"ridge": {"alpha": 3}}}, ".candidates.ridge.alpha: must hold keys and "),
        (
            {"candidates": {"ridge": {"alpha": {"low": "1", "high": 2}}}},
            ".candidates.ridge.alpha.low: must be a number (found '1')",
        ),
        (
            {"candidates": {"ridge": {"alpha": {"low": 1, "hihg": 2}}}},
            ".candidates.ridge.alpha.hihg: unknown key; did you mean 'high'?",
        ),
        (
            {"candidates": {"ridge": {"alpha": {"choices": [[1]]}}}},
            ".candidates.ridge.alpha.choices, 1st entry: must be a number, a text, true,",
        ),
        ({"candidates": {"ridge": {"log": {"lo": 1}}}}, ".candidates.ridge.log.lo: unknown key; "),
    ],
)
def test_check_parameters_when_a_tournaments_are_wrong_then_names_the_key(
    given: dict[str, Any], message: str, content: dict[str, Any]
) -> None:
    assert refusal(content, tournament=given).startswith(f"parameters.tournament{message}")


def test_check_parameters_when_an_unknown_model_competes_then_names_those_there_are(
    content: dict[str, Any],
) -> None:
    message = refusal(content, tournament={"candidates": {"forest": {}}})

    assert message.startswith("parameters.tournament.candidates.forest")
    assert "'random_forest'" in message


@pytest.mark.parametrize("name", ["a", "salary_prediction", "salary-2.1", "0"])
def test_packaging_when_the_bento_name_is_allowed_then_takes_it(name: str) -> None:
    assert Packaging(bento_name=name).bento_name == name


# --- How often rows are folded -------------------------------------------------------


@pytest.mark.parametrize(
    ("rows", "repeats"),
    [(28, 5), (2_000, 5), (2_001, 4), (5_000, 2), (5_001, 1), (10_001, 1), (5_000_000, 1)],
)
def test_repeats_when_they_are_auto_then_shrink_with_the_rows(rows: int, repeats: int) -> None:
    assert CrossValidation(folds=5, repeats="auto").repeats_of(rows) == repeats


def test_repeats_when_they_are_set_then_stay_whatever_the_rows() -> None:
    assert CrossValidation(folds=5, repeats=7).repeats_of(5_000_000) == 7


# --- In the lineage ------------------------------------------------------------------

ENGINEERING = DataEngineering(train_size=0.7, random_state=234)


def trained_by(**changes: Any) -> TrainedBy:
    plain = {"model": "ridge", "random_state": 1, "hyperparameters": {"ridge": {"alpha": 0.5}}}
    science = {**plain, "cross_validation": {"folds": 5, "repeats": 2}, **changes}
    return TrainedBy(data_engineering=ENGINEERING, data_science=DataScience.model_validate(science))


def test_parameters_hash_when_computed_then_is_of_the_groups_as_sorted_json() -> None:
    content = (
        b'{"random_state": 234, "repeats": "apart", "split": "random", "strata": null, '
        b'"train_size": 0.7}\n'
        b'{"bento_name": "pay", "keep": null}'
    )

    assert parameters_hash(ENGINEERING, Packaging(bento_name="pay")) == sha256(content).hexdigest()


def test_parameters_hash_when_settings_come_in_another_order_then_is_the_same() -> None:
    one, other = (
        trained_by(hyperparameters={"ridge": settings}).data_science
        for settings in ({"alpha": 1, "tol": 2}, {"tol": 2, "alpha": 1})
    )

    assert parameters_hash(one) == parameters_hash(other)


@pytest.mark.parametrize("change", [{"model": "decision_tree"}, {"random_state": 2}])
def test_parameters_lineage_when_a_value_differs_then_so_does_the_fingerprint(
    change: dict[str, Any], contract: Contract
) -> None:
    before = parameters_lineage(contract, trained_by())
    after = parameters_lineage(contract, trained_by(**change))

    assert before["parameters_sha256"] != after["parameters_sha256"]


def test_parameters_lineage_when_other_rows_may_be_drawn_then_stays_the_same(
    contract: Contract,
) -> None:
    before = parameters_lineage(contract, trained_by())
    after = parameters_lineage(contract, trained_by(plots={"public_data": ["0" * 64]}))

    assert before == after


def test_parameters_lineage_when_the_contract_differs_then_so_does_the_fingerprint(
    contract: Contract,
) -> None:
    table = contract.table.model_copy(update={"max_rejected_share": 0.5})
    other = contract.model_copy(update={"table": table})

    before, after = (parameters_lineage(each, trained_by()) for each in (contract, other))

    assert before["parameters"] == after["parameters"]
    assert before["parameters_sha256"] != after["parameters_sha256"]


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"ridge": {}},
        {"ridge": {"alpha": 0.1, "positive": True, "solver": "auto", "max_iter": None}},
        {"random_forest": {"max_features": ["5", 5, 5.5]}},
    ],
)
def test_read_parameters_when_they_were_recorded_then_gives_the_same(
    settings: dict[str, Any], contract: Contract
) -> None:
    given = trained_by(hyperparameters=settings)

    assert read_parameters(1, Lineage.model_validate(parameters_lineage(contract, given))) == given


def test_read_parameters_when_none_were_recorded_then_says_why() -> None:
    with pytest.raises(UserError) as caught:
        read_parameters(3, Lineage(git_commit="abc"))

    assert str(caught.value) == (
        "the lineage of version 3 does not hold the parameters of its training: it was registered "
        "before runs recorded them, so it cannot be trained again"
    )


def test_read_parameters_when_they_are_of_another_release_then_names_the_key(
    contract: Contract,
) -> None:
    lineage = parameters_lineage(contract, trained_by(model="ridge"))
    altered = lineage["parameters"].replace('"model": "ridge"', '"model": "perceptron"')

    with pytest.raises(UserError) as caught:
        read_parameters(3, Lineage(parameters=altered))

    assert str(caught.value) == (
        "the lineage of version 3: parameters.data_science.model: must be "
        "'linear_regression', 'decision_tree', 'random_forest', 'ridge', 'spline_ridge' or "
        "'hist_gradient_boosting' (found 'perceptron')"
    )


@pytest.mark.parametrize("content", ["", "{}", "3", '{"data_engineering": 3}'])
def test_read_parameters_when_they_are_damaged_then_is_a_user_error(content: str) -> None:
    with pytest.raises(UserError, match=r"^the lineage of version 3: parameters"):
        read_parameters(3, Lineage(parameters=content))
