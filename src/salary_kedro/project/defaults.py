"""Environment defaults of every program in the project's virtual environment.

`make` installs a `.pth` file that imports this module when Python starts, because
BentoML, MLflow, Kedro and the numeric libraries read these variables before any
project code could set them. A variable that is already set stays as it is.
"""

import gc
import importlib
import os
import sys
import warnings
from pathlib import Path

from salary_kedro.threads import set_thread_defaults

DEFAULTS = {
    "DO_NOT_TRACK": "true",  # Kedro
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",  # stdout is for the summary
    "BENTOML_DO_NOT_TRACK": "true",  # the word: BentoML ignores 1
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "MAIN_ENV_FOR_DYNACONF": "",  # or Kedro's settings look for files that are never there
    "KEDRO_LOGGING_CONFIG": str(Path(__file__).parents[3] / "conf" / "logging.yml"),
}

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)
set_thread_defaults()


#: Without it, MLflow imports IPython at the start of each run, to ask whether it is in Databricks.
NO_DATABRICKS = ("MLFLOW_ENABLE_SGC_RUN_RESUMPTION_FOR_DATABRICKS_JOBS", "false")
#: Commands that train or load a model.
NEEDS_MODELS = {"run", "promote", "reproduce", "rollback"}
HELP = {"-h", "--help"}


def import_kedro_mlflow_quietly() -> None:
    """Import kedro-mlflow, as every `kedro` command does, without MLflow's advice to its authors.

    Kedro calls this first (entry point `kedro.init`). A warning filter alone would not do:
    MLflow puts its own in front.
    """
    os.environ.setdefault(*NO_DATABRICKS)
    gc.disable()  # what is imported stays
    try:
        with warnings.catch_warnings(record=True):
            warnings.simplefilter("ignore")
            for name in (*_first(sys.argv[1:]), "kedro_mlflow.mlflow"):
                importlib.import_module(name)
    finally:
        gc.freeze()
        gc.enable()


def _first(arguments: list[str]) -> tuple[str, ...]:
    """What a command that needs models imports before MLflow.

    These walk all modules imported so far: after MLflow, they take a second more.
    """
    is_needed = NEEDS_MODELS.intersection(arguments[:2]) and HELP.isdisjoint(arguments)
    return ("scipy.special", "skops.io") if is_needed else ()
