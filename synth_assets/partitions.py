"""The daily partitions, and the day of a run."""

import datetime as dt

import dagster as dg

DAILY = dg.DailyPartitionsDefinition(start_date="2020-01-01")
"""One partition a day (UTC), up to the last complete day."""


def partition_day(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> dt.date:
    """The day of the run's partition.

    Raises:
        Failure: the run has none, as when the UI executes checks on their own.
    """
    if not context.has_partition_key:
        raise dg.Failure(
            "This run has no partition. Materialize the asset for a day: its checks run with it.", allow_retries=False
        )
    return dt.date.fromisoformat(context.partition_key)
