"""The daily partitions, and the day of a run."""

import datetime as dt

import dagster as dg

from synth_assets.deployment import days_a_run, first_day

DAILY = dg.DailyPartitionsDefinition(start_date=first_day().isoformat())
"""One partition a day (UTC), up to the last complete day."""

SEVERAL_DAYS_A_RUN = dg.BackfillPolicy.multi_run(days_a_run())
"""A backfill cuts its range of days into runs of as many days each."""


def partition_day(context: dg.AssetExecutionContext | dg.AssetCheckExecutionContext) -> dt.date:
    """The day of the run's partition.

    Raises:
        Failure: the run has none, as when the UI executes a check on its own.
    """
    if not context.has_partition_key:
        raise dg.Failure(
            "This run has no partition. To run a day's checks again, launch the job verify_day for the day.",
            allow_retries=False,
        )
    return dt.date.fromisoformat(context.partition_key)
