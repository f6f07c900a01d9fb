"""What becomes of model versions: runs, stages, verdicts, packages. MLflow's only door."""
