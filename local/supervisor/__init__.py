"""Starts, watches and stops everything that `make demo` runs."""
