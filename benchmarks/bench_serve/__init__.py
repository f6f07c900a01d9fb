"""The service beside other servers of the same model: `python -m bench_serve` in `benchmarks/`."""
