"""Benchmarks: ungil beside its peers, in the same run, answers checked. `make bench` runs them; README.md says how."""
