"""What MLflow remembers: the store, versions, stages, their history, logged models."""

import os

# Where tqdm is installed, which Optuna needs, MLflow would show a bar for each file that it reads.
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
