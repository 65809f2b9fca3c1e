"""What came of a run of one day in this process: read from its events and, of the file, from the verdict on it."""

from __future__ import annotations

import argparse
import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import dagster as dg

from synth_assets.assets import payments_parquet, s3_raw_payments
from synth_assets.contract import read_contract
from synth_assets.documents import describe_checks, describe_rates
from synth_assets.failures import describe_failure, root_cause
from synth_assets.generator.claims import CLAIMS, Claim
from synth_assets.generator.errors import GeneratorError
from synth_assets.judging import judge_day
from synth_assets.resources import OutputFolder, TimedS3Resource, WorkEngine
from synth_assets.storage.errors import StorageError
from synth_assets.storage.places import location_of


@dataclass(frozen=True)
class Outcome:
    """What came of a run.

    `payments` is the metadata of payments_parquet, with its data version, and `upload` that of s3_raw_payments.
    `side_assets` has the paths of the other files, by asset. `claims` has what was found of the file, by check. What
    did not come about is empty. `errors` has one line for each failure, but none for an interruption.
    """

    day: str
    success: bool = False
    interrupted: bool = False
    payments: Mapping[str, Any] = field(default_factory=dict)
    upload: Mapping[str, Any] = field(default_factory=dict)
    side_assets: Mapping[str, str] = field(default_factory=dict)
    checks: Sequence[dg.AssetCheckEvaluation] = ()
    claims: Mapping[str, Claim] = field(default_factory=dict)
    errors: Sequence[str] = ()

    @property
    def locations(self) -> list[str]:
        """The absolute paths of the files that were made, and the URI of the object where there is one."""
        made = [self.payments.get("path"), self.upload.get("dagster/uri"), *self.side_assets.values()]
        return [location for location in made if location]

    @property
    def complaints(self) -> list[str]:
        """One line for each check that did not pass, and for each error."""
        checks = [
            f"{each.severity.value}: {each.check_name}: {each.description}" for each in self.checks if not each.passed
        ]
        return [*checks, *(f"error: {error}" for error in self.errors)]

    def document(self) -> dict[str, Any]:
        """What `--json` prints. What did not come about is null."""
        claims = [self.claims.get(check.check_name) or _claim(check) for check in self.checks]
        return {
            "success": self.success,
            "day": self.day,
            "path": self.payments.get("path"),
            "uri": self.upload.get("dagster/uri"),
            "side_assets": dict(self.side_assets),
            "replaced": [*self.payments.get("replaced", []), *self.upload.get("replaced", [])],
            "rows": self.payments.get("dagster/row_count"),
            "bytes": self.payments.get("bytes"),
            "seconds": self.payments.get("seconds"),
            "rows_per_second": self.payments.get("rows_per_second"),
            "data_version": self.payments.get("data_version"),
            "rates": describe_rates(claims),
            "checks": describe_checks(claims),
            "error": None if self.success else "; ".join(self.errors),
        }


def _claim(check: dg.AssetCheckEvaluation) -> Claim:
    """A check of something else than the file."""
    numbers = {
        name: entry.value
        for name, entry in check.metadata.items()
        if isinstance(entry, dg.IntMetadataValue | dg.FloatMetadataValue) and entry.value is not None
    }
    if check.passed:  # Its bounds are left out where they leave no room.
        numbers = {"lowest": numbers["observed"], "highest": numbers["observed"], **numbers}
    blocking = check.severity == dg.AssetCheckSeverity.ERROR
    return Claim(check.check_name, check.passed, check.description or "", blocking=blocking, numbers=numbers)


def read_outcome(
    day: str,
    result: dg.ExecuteInProcessResult,
    side_assets: Sequence[dg.AssetsDefinition],
    options: argparse.Namespace,
) -> Outcome:
    """What came of a day's run with these options, those of `run_command.run`."""
    # A run that fails before its first step has no failed step.
    failures = result.filter_events(lambda event: event.is_step_failure) or result.filter_events(
        lambda event: event.is_job_failure
    )
    checks = result.get_asset_check_evaluations()
    interruptions = [failure for failure in failures if _is_interruption(failure)]
    return Outcome(
        day,
        success=result.success,
        interrupted=bool(interruptions),
        payments=_metadata(result, payments_parquet),
        upload=_metadata(result, s3_raw_payments),
        side_assets={
            made.asset_key.to_user_string(): str(made.metadata["path"].value)
            for asset in side_assets
            for made in result.asset_materializations_for_node(asset.op.name)
        },
        checks=checks,
        claims=_claims_of_file(day, options) if any(check.check_name in CLAIMS for check in checks) else {},
        errors=[describe_failure(failure) for failure in failures if failure not in interruptions],
    )


def _claims_of_file(day: str, options: argparse.Namespace) -> dict[str, Claim]:
    """All that the checks have found of the day's file, of which its history keeps a part.

    The verdict of this process is remembered, so the file is not read again.
    """
    try:
        file = OutputFolder(path=location_of(options.out)).place(TimedS3Resource()).find_day(dt.date.fromisoformat(day))
        engine = WorkEngine(kind=options.engine, workers=options.workers).for_rows(file.named_rows)
        return {claim.name: claim for claim in judge_day(read_contract(options.schema), file, engine)}
    except (GeneratorError, StorageError):
        return {}  # then the checks have said why


def _metadata(result: dg.ExecuteInProcessResult, asset: dg.AssetsDefinition) -> dict[str, Any]:
    """The metadata of the asset's materialization, and its data version. Empty where it was not materialized."""
    metadata: dict[str, Any] = {}
    for made in result.asset_materializations_for_node(asset.op.name):
        metadata |= {name: entry.value for name, entry in made.metadata.items()}
        metadata["data_version"] = (made.tags or {}).get("dagster/data_version")
    return metadata


def _is_interruption(failure: dg.DagsterEvent) -> bool:
    cause = root_cause(failure)
    return cause is not None and cause.cls_name == dg.DagsterExecutionInterruptedError.__name__
