"""What MLflow remembers: the store, versions, stages, their history, logged models."""
