"""Environment defaults of every program in the project's virtual environment.

`make` installs a `.pth` file that imports this module when Python starts, because
BentoML, MLflow and Kedro read these variables before any project code could set
them. A variable that is already set stays as it is.
"""

import os
import warnings
from pathlib import Path

DEFAULTS = {
    "DO_NOT_TRACK": "true",  # Kedro
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "BENTOML_DO_NOT_TRACK": "true",  # the word: BentoML ignores 1
    "STREAMLIT_BROWSER_GATHER_USAGE_STATS": "false",
    "KEDRO_LOGGING_CONFIG": str(Path(__file__).parents[2] / "conf" / "logging.yml"),
}

for name, value in DEFAULTS.items():
    os.environ.setdefault(name, value)

# kedro-mlflow defines a class at import that MLflow has advice on; nobody here can follow it.
warnings.filterwarnings("ignore", message=r"(?s).*Add type hints to the `predict` method")
