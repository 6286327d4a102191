"""Benchmarks: ungil and its peers in the same run, with checked answers. See README.md; `make bench` runs them."""
