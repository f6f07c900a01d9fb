"""What Kedro is to use; no logic here."""

import gc

# A run imports some 3,000 modules and makes little garbage: collecting it seldom saves a second.
gc.set_threshold(50_000, 20, 20)

from salary_kedro.hooks import FlatParametersHook, ProjectHooks  # noqa: E402
from salary_kedro.project.loader import LOADER_ARGS, ProjectConfigLoader  # noqa: E402

# kedro-mlflow's own hook (by the name of its distribution) is replaced by a subclass of it.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-telemetry")
HOOKS = (FlatParametersHook(), ProjectHooks())

CONFIG_LOADER_CLASS = ProjectConfigLoader
CONFIG_LOADER_ARGS = LOADER_ARGS
