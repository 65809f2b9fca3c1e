"""The pure generator: a schema and a plan in, Polars frames out. No dagster, clock, file or global state."""

GENERATOR_VERSION = "2"
"""Raised whenever the same plan and schema would give other values or bytes. Part of every file's footer."""
