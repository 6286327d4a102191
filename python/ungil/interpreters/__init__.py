"""Isolated interpreters, and the pool of them."""
