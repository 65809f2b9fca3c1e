import dagster as dg

DAILY = dg.DailyPartitionsDefinition(start_date="2020-01-01")
"""One partition a day (UTC), up to the last complete day."""
