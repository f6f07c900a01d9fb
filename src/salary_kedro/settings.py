"""What Kedro is to use; no logic here."""

from salary_kedro.config import ProjectConfigLoader
from salary_kedro.hooks import FlatParametersHook, ProjectHooks

# kedro-mlflow's own hook (by the name of its distribution) is replaced by a subclass of it.
DISABLE_HOOKS_FOR_PLUGINS = ("kedro_mlflow", "kedro-telemetry")
HOOKS = (FlatParametersHook(), ProjectHooks())

CONFIG_LOADER_CLASS = ProjectConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "merge_strategy": {"mlflow": "soft", "parameters": "soft"},
    "config_patterns": {
        "parameters": ["parameters*", "parameters*/**", "**/parameters*", "contract*"],
        "mlflow": ["mlflow*"],
    },
}
