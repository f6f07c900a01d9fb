"""How much a model's error on the holdout rests on each input."""

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from salary_kedro.bundle.report import ImportanceReport, InputImportance
from salary_kedro.contract import Contract
from salary_kedro.modelling.evaluation import features_and_target, weights_of

REPEATS = 5
#: The most predictions that this asks the model for, about; of more rows, a sample is drawn.
MAX_PREDICTIONS = 200_000
MIN_ROWS = 100
IMPORTANCE_COLUMNS = ("input", "importance", "spread")


def measure_importance(
    model: Pipeline, holdout: pd.DataFrame, contract: Contract, random_state: int
) -> ImportanceReport:
    """Measure by how much the RMSE rises if the values of one input are shuffled among the rows.

    Breiman 2001, Machine Learning 45(1), section 10; the mean of five shuffles, with its spread.
    An input may rank low because another one, with which it moves, stands in for it.

    Args:
        model: The fitted Pipeline.
        holdout: Clean rows that it has not seen.
        contract: Names the columns.
        random_state: Seed of the shuffles, and of the sample of many rows.
    """
    from sklearn.inspection import permutation_importance  # it is slow to import

    most = max(MIN_ROWS, MAX_PREDICTIONS // (REPEATS * len(contract.inputs)))
    rows = holdout.sample(most, random_state=random_state) if len(holdout) > most else holdout
    features, actual = features_and_target(rows, contract)
    found = permutation_importance(
        model,
        features,
        actual,
        scoring="neg_root_mean_squared_error",
        n_repeats=REPEATS,
        random_state=random_state,
        sample_weight=weights_of(rows, contract),
    )
    order = np.argsort(-found.importances_mean, kind="stable")
    return ImportanceReport(
        rows=len(rows),
        repeats=REPEATS,
        inputs=tuple(
            InputImportance(
                input=contract.feature_names[place],
                importance=float(found.importances_mean[place]),
                spread=float(found.importances_std[place]),
            )
            for place in order
        ),
    )


def importance_table(report: ImportanceReport) -> pd.DataFrame:
    """The inputs of a report, a row each, the most important first."""
    rows = [item.model_dump() for item in report.inputs]
    return pd.DataFrame(rows, columns=[*IMPORTANCE_COLUMNS])
