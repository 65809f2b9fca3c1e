"""What a failed run says of its failure: the text of our own error, or one line about any other."""

from typing import Any

import dagster as dg


def describe_failure(failure: dg.DagsterEvent) -> str:
    """The text of the error that we raised, or one line about an exception that nobody expected."""
    described = getattr(_failure_data(failure), "user_failure_data", None)
    if described and described.description:
        return str(described.description)
    cause = root_cause(failure)
    reason = " ".join(cause.message.split()) if cause else "no reason was given"
    return f"{failure.step_key or 'the run'} failed: {reason}"


def root_cause(failure: dg.DagsterEvent) -> Any:
    """The first exception of a chain of them, as Dagster serialized it, or None where the failure has none."""
    error = _failure_data(failure).error
    while error and error.cause:
        error = error.cause
    return error


def _failure_data(failure: dg.DagsterEvent) -> Any:
    return failure.step_failure_data if failure.is_step_failure else failure.job_failure_data
