"""The HTTP service over a bundle; needs neither Kedro nor the registry."""
