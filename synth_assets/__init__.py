"""Synthetic card payments, one day at a time: as Dagster assets, from the shell, and from Python.

`payments`, `batches` and `write_day` are imported once they are asked for, and import no Dagster.
"""

import warnings
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from synth_assets.api import batches, payments, write_day

__all__ = ["batches", "payments", "write_day"]

# Partitioned checks are in preview in Dagster 1.13. Backfill policies, dagster-aws's SSM resource and a parameter that
# `--select '*'` goes through are beta: all would print on every load. Exactly these are silenced.
warnings.filterwarnings("ignore", message="Specifying a partitions_def on an AssetCheckSpec is currently in preview")
warnings.filterwarnings("ignore", message="Parameter `backfill_policy` of function .* is currently in beta")
warnings.filterwarnings("ignore", message="Class `SSMResource` is currently in beta")
warnings.filterwarnings(
    "ignore", message="Parameter `include_sources` of function `AssetSelection.all` is currently in"
)

if not TYPE_CHECKING:  # otherwise every name would be there for a type checker

    def __getattr__(name: str) -> Any:
        if name in __all__:
            return getattr(import_module("synth_assets.api"), name)
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
