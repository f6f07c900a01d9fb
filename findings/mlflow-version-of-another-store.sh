#!/usr/bin/env bash
# An MlflowClient looks for the model of a new version in the process's store, not in its own.
#
# Seen with mlflow 3.17.2, Python 3.11, stores in SQLite.
# A client made with a tracking URI of its own creates runs, models and versions in that store. Given
# `model_id`, `create_model_version` first looks the logged model up by the global tracking URI, and so
# says that a model that is there cannot be found; with the global URI set to that store, it finds it.
# Who promotes from one store to another, or opens two in one process, meets it.
# What helps: mlflow.set_tracking_uri(client.tracking_uri) around that one call.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check mlflow==3.17.2
cd "$folder"
venv/bin/python -W ignore - >seen 2>/dev/null <<'PYTHON'
import mlflow
from mlflow import MlflowClient
from mlflow.exceptions import MlflowException

mlflow.set_tracking_uri("sqlite:///process.db")
client = MlflowClient(tracking_uri="sqlite:///own.db")
experiment = client.create_experiment("salaries")
run = client.create_run(experiment)
model = client.create_logged_model(experiment, source_run_id=run.info.run_id)
client.finalize_logged_model(model.model_id, "READY")
client.create_registered_model("salary")


def version():
    try:
        uri = f"models:/{model.model_id}"
        client.create_model_version("salary", uri, run.info.run_id, model_id=model.model_id)
    except MlflowException as error:
        return 'not found' if f'{model.model_id}\' not found' in str(error) else str(error)
    return "created"


print("the client finds its model:", client.get_logged_model(model.model_id).status)
print("a version of it, the process using another store:", version())
mlflow.set_tracking_uri(client.tracking_uri)
print("a version of it, the process using the same store:", version())
PYTHON
diff - seen <<'EXPECTED' && echo "as described"
the client finds its model: READY
a version of it, the process using another store: not found
a version of it, the process using the same store: created
EXPECTED
