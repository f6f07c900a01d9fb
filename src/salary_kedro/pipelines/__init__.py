"""The Kedro pipelines; their nodes are thin and the rooms beside do the work."""
