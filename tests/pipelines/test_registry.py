"""The pipelines: their names, their order, and that the catalog has all they need."""

import inspect
import re
from collections.abc import Iterator
from typing import Any, get_type_hints

import pytest
import yaml
from kedro.io import DataCatalog
from kedro.pipeline import Pipeline
from kedro.pipeline.node import Node
from kedro_viz.data_access.managers import DataAccessManager
from pydantic import BaseModel

from salary_kedro.contract import Contract
from salary_kedro.hooks import SEARCHING
from salary_kedro.pipeline_registry import register_pipelines
from salary_kedro.project.parameters import (
    BatchScoring,
    DataEngineering,
    DataScience,
    Monitoring,
    Packaging,
    Tournament,
)
from salary_kedro.promotion.verdict import Policy
from sessions import session
from support import ROOT, Project

PIPELINES = register_pipelines()
NODES = [
    pytest.param(node, id=f"{name}.{node.name}")
    for name, pipeline in PIPELINES.items()
    if name != "__default__"
    for node in pipeline.nodes
]


def names(pipeline: Pipeline) -> list[str]:
    return [node.name for node in pipeline.nodes]


def inputs_of(node: Node) -> dict[str, str]:
    """The dataset that each argument of a node's function takes."""
    found = node._inputs
    assert isinstance(found, dict), "inputs are named, not positional"
    return found


# --- Names and order ------------------------------------------------------------------


def test_pipelines_when_registered_then_have_the_known_names() -> None:
    assert list(PIPELINES) == [
        "data_engineering",
        "data_science",
        "promotion",
        "packaging",
        "tournament",
        "batch_scoring",
        "monitoring",
        "__default__",
    ]


def test_pipelines_when_registered_then_have_the_known_nodes() -> None:
    assert {name: sorted(names(pipeline)) for name, pipeline in PIPELINES.items()} == {
        "data_engineering": ["clean_salaries", "split_salaries", "validate_salaries"],
        "data_science": [
            "archive_model",
            "calibrate_intervals",
            "cross_validate",
            "evaluate_model",
            "fit_model",
            "log_run",
            "plot_model",
            "register_version",
            "report_model",
            "score_fit",
            "score_groups",
            "score_inputs",
            "score_intervals",
            "show_groups",
        ],
        "promotion": ["bring_into_line", "promote_if_better"],
        "packaging": ["build_bento", "export_bundle", "remove_outdated"],
        "tournament": sorted(
            [
                "choose_winner",
                "log_search",
                "plot_leaderboard",
                "rank_trials",
                "search_models",
                *names(PIPELINES["__default__"]),
            ]
        ),
        "batch_scoring": ["load_production", "score_rows"],
        "monitoring": [
            "load_production",
            "measure_drift",
            "measure_errors",
            "report_monitoring",
            "shadow_challenger",
        ],
        "__default__": sorted(
            name
            for part in ("data_engineering", "data_science", "promotion", "packaging")
            for name in names(PIPELINES[part])
        ),
    }


def test_default_pipeline_when_sorted_then_goes_from_the_raw_table_to_the_bento() -> None:
    chain = [
        "validate_salaries",
        "clean_salaries",
        "split_salaries",
        "fit_model",
        "evaluate_model",
        "log_run",
        "register_version",
        "bring_into_line",
        "promote_if_better",
        "export_bundle",
        "build_bento",
        "remove_outdated",
    ]

    assert [name for name in names(PIPELINES["__default__"]) if name in chain] == chain


def test_tournament_when_sorted_then_its_search_is_logged_before_the_winner_is_trained() -> None:
    chain = ["split_salaries", "search_models", "log_search", "choose_winner", "fit_model"]
    chain += ["log_run", "register_version", "promote_if_better", "build_bento"]

    assert [name for name in names(PIPELINES["tournament"]) if name in chain] == chain


def test_tournament_when_its_winner_is_trained_then_no_node_takes_a_plain_runs_parameters() -> None:
    takers = {
        node.name for node in PIPELINES["tournament"].nodes if "params:data_science" in node.inputs
    }

    assert takers == SEARCHING
    assert "leaderboard_plot" in {
        dataset
        for node in PIPELINES["tournament"].nodes
        if node.name == "log_run"
        for dataset in node.inputs
    }


def test_default_pipeline_when_run_then_needs_nothing_but_what_is_there() -> None:
    inputs = PIPELINES["__default__"].inputs()

    assert {name for name in inputs if not name.startswith("params:")} == {
        "raw_salaries",
        "code_lineage",
        "registry",
        "row_secret",
        "bundles",
        "bento_project",
    }


def test_datasets_when_one_node_hands_them_to_another_then_none_lives_in_memory_alone() -> None:
    catalog = yaml.safe_load((ROOT / "conf" / "base" / "catalog.yml").read_text())
    given = {name for pipeline in PIPELINES.values() for name in pipeline.all_outputs()}

    entries = {name: catalog.get(re.sub(".*_plot$", "{figure}_plot", name), {}) for name in given}
    assert {
        name for name, entry in entries.items() if entry.get("type") in (None, "MemoryDataset")
    } == set()


@pytest.mark.parametrize("node", NODES)
def test_node_when_defined_then_is_named_after_its_function(node: Node) -> None:
    assert node._name == node.func.__name__


@pytest.mark.parametrize("node", NODES)
def test_node_when_defined_then_takes_its_inputs_by_name(node: Node) -> None:
    parameters = inspect.signature(node.func).parameters
    named = {name for name, kind in parameters.items() if kind.kind is not kind.VAR_KEYWORD}

    assert named <= set(inputs_of(node))


@pytest.mark.parametrize("node", NODES)
def test_node_when_defined_then_says_what_it_does(node: Node) -> None:
    assert inspect.getdoc(node.func)


# --- The catalog -------------------------------------------------------------------------


def catalog_entries() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((ROOT / "conf" / "base" / "catalog.yml").read_text())
    return found


def datasets() -> set[str]:
    """All datasets of all pipelines."""
    found = {name for pipeline in PIPELINES.values() for name in pipeline.datasets()}
    return {name for name in found if not name.startswith("params:")}


def declares(entry: str, dataset: str) -> bool:
    """Tell whether a catalog entry, which may be a pattern, declares a dataset."""
    pattern = re.sub(r"\\\{\w+\\\}", ".+", re.escape(entry))
    return re.fullmatch(pattern, dataset) is not None


@pytest.mark.parametrize("dataset", sorted(datasets()))
def test_dataset_when_a_pipeline_uses_it_then_the_catalog_declares_it_once(dataset: str) -> None:
    assert len([entry for entry in catalog_entries() if declares(entry, dataset)]) == 1


@pytest.mark.parametrize("entry", sorted(catalog_entries()))
def test_catalog_entry_when_declared_then_a_pipeline_uses_it(entry: str) -> None:
    assert [dataset for dataset in datasets() if declares(entry, dataset)]


@pytest.mark.parametrize("entry", sorted(catalog_entries()))
def test_catalog_entry_when_declared_then_has_a_layer(entry: str) -> None:
    assert catalog_entries()[entry]["metadata"]["kedro-viz"]["layer"]


# --- A real session's catalog --------------------------------------------------------------


@pytest.fixture
def catalog(kedro_project: Project) -> Iterator[DataCatalog]:
    """The catalog of a session, with everything as `kedro run` would have it."""
    with session(kedro_project) as created:
        yield created.load_context().catalog


def test_parameters_when_a_session_loads_them_then_are_their_models(catalog: DataCatalog) -> None:
    expected = {
        "params:contract": Contract,
        "params:data_engineering": DataEngineering,
        "params:data_science": DataScience,
        "params:tournament": Tournament,
        "params:promotion": Policy,
        "params:packaging": Packaging,
        "params:batch_scoring": BatchScoring,
        "params:monitoring": Monitoring,
    }
    used = {name for pipeline in PIPELINES.values() for name in pipeline.inputs()}

    assert {name for name in used if name.startswith("params:")} == set(expected)
    assert {name: type(catalog.load(name)) for name in expected} == expected


def test_parameters_when_a_node_takes_them_then_come_as_the_model_it_asks_for(
    catalog: DataCatalog,
) -> None:
    asked = [
        (get_type_hints(node.func)[argument], type(catalog.load(dataset)))
        for node in PIPELINES["__default__"].nodes
        for argument, dataset in inputs_of(node).items()
        if dataset.startswith("params:")
    ]

    assert asked
    assert all(issubclass(hint, BaseModel) and hint is found for hint, found in asked)


def test_registry_when_a_node_takes_it_then_comes_through_the_catalog(
    catalog: DataCatalog, kedro_project: Project
) -> None:
    nodes = {node.name for p in PIPELINES.values() for node in p.nodes if "registry" in node.inputs}
    registry = catalog.load("registry")

    assert nodes == {
        "register_version",
        "bring_into_line",
        "promote_if_better",
        "export_bundle",
        "build_bento",
        "remove_outdated",
        "load_production",
        "shadow_challenger",
    }
    assert (registry.uri, registry.model_name) == (
        kedro_project.store,
        "salary_prediction_regression-model",
    )


def test_layers_when_kedro_viz_sorts_them_then_no_two_depend_on_each_other(
    catalog: DataCatalog,
) -> None:
    shown = DataAccessManager()
    shown.add_catalog(catalog, PIPELINES)
    shown.add_pipelines(PIPELINES)
    every = {entry["metadata"]["kedro-viz"]["layer"] for entry in catalog_entries().values()}

    found = {name: shown.get_sorted_layers_for_registered_pipeline(name) for name in PIPELINES}

    # Where two layers depend on each other, Kedro-Viz gives none at all.
    assert {name: set(layers) for name, layers in found.items()} == dict.fromkeys(PIPELINES, every)
    assert found["__default__"] == [
        "raw",
        "intermediate",
        "primary",
        "model_input",
        "models",
        "reporting",
        "registry",
        "serving",
    ]


def test_contract_when_a_session_loads_it_then_is_the_projects(
    catalog: DataCatalog, contract: Contract
) -> None:
    found = catalog.load("params:contract")

    assert [column.column for column in found.columns] == ["Experience Years", "Salary"]
    assert found.feature_names == contract.feature_names
    assert found.target.name == "salary"


def test_datasets_when_a_session_has_its_catalog_then_all_are_there(catalog: DataCatalog) -> None:
    assert [name for name in sorted(datasets()) if catalog.get(name) is None] == []


def test_raw_table_when_a_session_loads_it_then_has_the_projects_rows(
    catalog: DataCatalog,
) -> None:
    table = catalog.load("raw_salaries")

    assert (list(table.columns), len(table)) == (["Experience Years", "Salary"], 40)
    assert table.attrs == {}  # nothing travels there
