"""A run over several days, in which each day is made, recorded and judged by itself, and fails by itself.

Dagster gives all partitions of such a run the same materialization and version, no check result of their own, and one
failure. So what it would derive from a step's output is left out, and each day's is recorded here. What a run of one
partition makes is left to Dagster.
"""

import datetime as dt
import hashlib
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from typing import Any

import dagster as dg

from synth_assets.partitions import partition_day

Context = dg.AssetExecutionContext | dg.AssetCheckExecutionContext

RECORDED_BY_DAY = {"__source_asset_observation__": True}
"""The metadata by which Dagster takes an output as it is, and records no materialization of all partitions for it."""

FAILED = {"synth_assets/failed": "true"}
"""The tags of the observation that says why a run has failed on a day."""

NO_VERSION, NO_EVENT = "INITIAL", "NULL"
"""What Dagster writes where an input has no version, and where it has no materialization."""


def materialize_days(
    context: dg.AssetExecutionContext, make: Callable[[dt.date], Iterable[dg.MaterializeResult]]
) -> Iterator[dg.MaterializeResult | dg.AssetMaterialization | dg.AssetObservation]:
    """Make each day of the run, and record it as soon as it is made. A day that fails does not stop the others.

    Raises:
        Failure: a day has failed, or none is left to make, and no step of the run waits for this one; in a run of one
            partition, whatever `make` raises.
    """
    if not context.has_partition_key_range:
        yield from make(partition_day(context))
        return
    days = _days_left(context)
    made = 0
    for day in days:
        try:
            results = list(make(day))
        except Exception as error:
            yield _failed(context, min(context.selected_asset_keys), day, _reason(error))
            continue
        made += 1
        yield from (_materialization(context, day, result) for result in results)
    if days and not made:
        raise _failure(context)
    yield from (
        dg.MaterializeResult(asset_key=key, metadata=RECORDED_BY_DAY) for key in sorted(context.selected_asset_keys)
    )
    _fail_if_last(context)


def judge_days(
    context: dg.AssetCheckExecutionContext, judge: Callable[[dt.date], Iterable[dg.AssetCheckResult]]
) -> Iterator[dg.AssetCheckResult | dg.AssetCheckEvaluation | dg.Output[None] | dg.AssetObservation]:
    """Judge each day of the run. A day that breaks a blocking check has failed: no later step of the run takes it up.

    Raises:
        Failure: as `materialize_days`.
    """
    blocking = {spec.name for spec in context.check_specs if spec.blocking}
    outputs = [dg.Output(None, output.name) for output in context.op_def.output_defs]
    if not context.has_partition_key_range:
        day = partition_day(context)
        yield from _evaluations(context, day, list(judge(day)), blocking)
        yield from outputs
        return
    asset = min(context.selected_asset_check_keys).asset_key
    for day in _days_left(context):
        try:
            results = list(judge(day))
        except Exception as error:
            yield _failed(context, asset, day, _reason(error))
            continue
        # Blocking, one failed day would fail the step, and with it every day of the run.
        yield from _evaluations(context, day, results, blocking=())
        errors = [each for each in results if not each.passed and each.severity == dg.AssetCheckSeverity.ERROR]
        if broken := [each for each in errors if _key(context, each).name in blocking]:
            reasons = " ".join(f"{each.check_name}: {each.description}." for each in broken)
            yield _failed(context, asset, day, f"{len(broken)} of {len(results)} checks failed. {reasons}")
    yield from outputs
    _fail_if_last(context)


def _days_left(context: Context) -> list[dt.date]:
    """The days that no earlier step of this run has failed on."""
    failed = _failures(context)
    return [dt.date.fromisoformat(key) for key in context.partition_keys if key not in failed]


def _failed(context: Context, asset: dg.AssetKey, day: dt.date, reason: str) -> dg.AssetObservation:
    """The record that the run has failed on a day. Later steps of the run find it, in whatever process they are."""
    context.log.error(f"{day}: {reason}")
    return dg.AssetObservation(asset, partition=str(day), description=reason, tags=FAILED)


def _reason(error: Exception) -> str:
    if isinstance(error, dg.Failure) and error.description:
        return error.description
    return f"{type(error).__name__}: {' '.join(str(error).split())}"


def _failures(context: Context) -> dict[str, str]:
    """By day, why this run has failed on it first."""
    failures: dict[str, str] = {}
    for record in context.instance.get_records_for_run(
        context.run.run_id, of_type=dg.DagsterEventType.ASSET_OBSERVATION
    ).records:
        observed = record.event_log_entry.asset_observation
        if observed and FAILED.items() <= observed.tags.items():
            failures.setdefault(str(observed.partition), observed.description or "")
    return failures


def _failure(context: Context) -> dg.Failure:
    failures = _failures(context)
    days_of: dict[str, list[str]] = {}
    for day, reason in sorted(failures.items()):
        days_of.setdefault(reason, []).append(day)
    said = " ".join(f"{', '.join(days)}: {reason.rstrip('.')}." for reason, days in days_of.items())
    return dg.Failure(
        f"{len(failures)} of {len(context.partition_keys)} days failed. {said} Materialize the failed partitions "
        f"again; the other days are done.",
        allow_retries=False,
    )


def _fail_if_last(context: Context) -> None:
    """Fail the step for the days that failed, unless a later step waits for it: that one has other days to carry on."""
    # A step that fails earlier would keep Dagster from all steps after it.
    waiting = context.job_def.dependency_structure.output_to_downstream_inputs_for_node(
        context.op_execution_context.node_handle.name
    )
    if not any(waiting.values()) and _failures(context):
        raise _failure(context)


def _key(context: dg.AssetCheckExecutionContext, result: dg.AssetCheckResult) -> dg.AssetCheckKey:
    """The check that a result is of: the one that it names, or the step's only one."""
    keys = context.selected_asset_check_keys
    return next(key for key in keys if result.check_name in (key.name, None))


def _latest(context: Context, asset: dg.AssetKey, day: dt.date) -> dg.EventLogRecord | None:
    """The latest materialization of the asset's partition, or of the asset where it has no partitions."""
    of_day = dg.AssetRecordsFilter(asset, asset_partitions=[str(day)])
    for records in (of_day, dg.AssetRecordsFilter(asset)):
        found = context.instance.fetch_materializations(records, limit=1).records
        if found and found[0].partition_key in (str(day), None):
            return found[0]
    return None


def _materialization(
    context: dg.AssetExecutionContext, day: dt.date, result: dg.MaterializeResult
) -> dg.AssetMaterialization:
    key = result.asset_key or context.asset_key
    return dg.AssetMaterialization(
        key, partition=str(day), metadata=result.metadata, tags=_versions(context, key, day, result.data_version)
    )


def _versions(
    context: dg.AssetExecutionContext, asset: dg.AssetKey, day: dt.date, version: dg.DataVersion | None
) -> dict[str, str]:
    """The tags by which Dagster tells whether a partition is out of date: what was made, by what, and from what."""
    spec = context.assets_def.get_asset_spec(asset)
    tags = {"dagster/code_version": spec.code_version or context.run.run_id}
    for dep in spec.deps:
        name, found = dep.asset_key.to_user_string(), _latest(context, dep.asset_key, day)
        materialization = found.asset_materialization if found else None
        tags[f"dagster/input_data_version/{name}"] = ((materialization and materialization.tags) or {}).get(
            "dagster/data_version", NO_VERSION
        )
        tags[f"dagster/input_event_pointer/{name}"] = str(found.storage_id) if found else NO_EVENT
    if version:
        return tags | {"dagster/data_version": version.value, "dagster/data_version_is_user_provided": "true"}
    return tags | {"dagster/data_version": hashlib.sha256(str(sorted(tags.items())).encode()).hexdigest()}


def _evaluations(
    context: dg.AssetCheckExecutionContext,
    day: dt.date,
    results: Sequence[dg.AssetCheckResult],
    blocking: Collection[str],
) -> Iterator[dg.AssetCheckEvaluation]:
    """The results on the day's latest materialization, which Dagster would look up twice for each of them."""
    judged = {key.asset_key: _target(context, key.asset_key, day) for key in context.selected_asset_check_keys}
    for result in results:
        key = _key(context, result)
        yield dg.AssetCheckEvaluation(
            asset_key=key.asset_key,
            check_name=key.name,
            passed=result.passed,
            metadata=result.metadata,
            target_materialization_data=judged[key.asset_key],
            severity=result.severity,
            description=result.description,
            blocking=key.name in blocking,
            partition=str(day),
        )


def _target(context: Context, asset: dg.AssetKey, day: dt.date) -> Any:
    """The materialization that a check judges. Without it, the UI shows the partition's check as missing."""
    # Dagster makes it itself for a run of one partition, and exports no way to make it for others.
    from dagster._core.definitions.asset_checks import asset_check_evaluation as private

    found = _latest(context, asset, day)
    if found is None:
        return None
    return private.AssetCheckEvaluationTargetMaterializationData(
        storage_id=found.storage_id, run_id=found.run_id, timestamp=found.timestamp
    )
