"""Synthetic card payments, one day at a time, as Dagster assets."""

import warnings

# Partitioned checks are in preview in Dagster 1.13, dagster-aws's SSM resource is beta, and so is a parameter that
# `--select '*'` goes through: all three would print on every load. Exactly these are silenced.
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec is currently in preview")
warnings.filterwarnings("ignore", message="Class `SSMResource` is currently in beta")
warnings.filterwarnings(
    "ignore", message="Parameter `include_sources` of function `AssetSelection.all` is currently in"
)
