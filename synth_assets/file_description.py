"""What `synth-assets show` says of a file: the facts, as a document for scripts and as text for a person."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow.parquet as pq
from tabulate import tabulate

from synth_assets.documents import describe_checks, describe_rates
from synth_assets.generator import GENERATOR_VERSION
from synth_assets.generator.claims import Claim
from synth_assets.generator.provenance import Provenance
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.place import Day


@dataclass(frozen=True)
class FileDescription:
    """The facts about a day's file. `footer` is PyArrow's view of the Parquet footer, `claims` the verdict."""

    file: Day
    provenance: Provenance
    footer: pq.FileMetaData
    claims: Sequence[Claim]

    def document(self) -> dict[str, Any]:
        """The facts as `--json` prints them. The sizes of the columns are in bytes, over all row groups."""
        plan, schema = self.provenance.plan, self.provenance.schema
        return {
            "day": str(plan.day),
            "rows": self.footer.num_rows,
            "bytes": self.file.size,
            "row_groups": self.footer.num_row_groups,
            "codec": plan.compression,
            "written_by": self.footer.created_by,
            "generator_version": self.provenance.generator_version,
            "data_version": self.provenance.digest,
            "plan": plan.model_dump(mode="json"),
            "schema": schema.canonical | {"digest": schema.digest},
            "columns": describe_columns(schema, self.footer),
            "rates": describe_rates(self.claims),
            "checks": describe_checks(self.claims),
        }

    def text(self) -> str:
        """The facts in five tables, each below its title. The first title says where the file is."""
        settings = self.provenance.plan.model_dump(mode="json", exclude={"day", "rows", "compression"})
        parts = {
            self.file.location: tabulate(self._summary().items(), tablefmt="plain", disable_numparse=True),
            "plan": tabulate(settings.items(), tablefmt="plain", disable_numparse=True, colalign=("left", "right")),
            "columns": _column_table(describe_columns(self.provenance.schema, self.footer), self.file.size),
            "proportions": _proportion_table(describe_rates(self.claims)),
            "verdict": render_verdict(self.claims),
        }
        return "\n\n".join(f"{title}\n{text}" for title, text in parts.items())

    def _summary(self) -> dict[str, object]:
        plan, schema, rows = self.provenance.plan, self.provenance.schema, self.footer.num_rows
        return {
            "day": plan.day,
            "rows": f"{rows:,}",
            "row groups": f"{self.footer.num_row_groups:,} of up to {plan.chunk_size:,} rows",
            "bytes": f"{self.file.size:,}, {self.file.size / max(rows, 1):.1f} per row, {plan.compression}",
            "generator version": self._generator_version(),
            "written by": self.footer.created_by,
            "contract": f"{schema.version}, digest {schema.digest}",
            "data version": self.provenance.digest,
        }

    def _generator_version(self) -> str:
        made_by = self.provenance.generator_version
        return made_by if self.provenance.is_current else f"{made_by} (this is {GENERATOR_VERSION})"


def describe_columns(schema: TransactionSchema, footer: pq.FileMetaData) -> list[dict[str, Any]]:
    """By column of the file: its dtype in the contract, how it is encoded, and its bytes in all row groups."""
    dtypes = {field.name: field.dtype for field in schema.fields}
    groups = [footer.row_group(number) for number in range(footer.num_row_groups)]
    columns = []
    for place, name in enumerate(footer.schema.names):
        chunks = [group.column(place) for group in groups]
        columns.append(
            {
                "name": name,
                "dtype": dtypes.get(name),
                "nullable": footer.schema.column(place).max_definition_level > 0,
                "dictionary": any(chunk.has_dictionary_page for chunk in chunks),
                "statistics": all(chunk.is_stats_set for chunk in chunks),
                "bytes": sum(chunk.total_compressed_size for chunk in chunks),
            }
        )
    return columns


def render_verdict(claims: Sequence[Claim]) -> str:
    """One line for each claim: whether it passed, its name and its summary."""
    return "\n".join(f"{_verdict(claim):<7} {claim.name}: {claim.summary}" for claim in claims)


def _verdict(claim: Claim) -> str:
    if claim.passed:
        return "passed"
    return "FAILED" if claim.judged else "skipped"


def _column_table(columns: Sequence[Mapping[str, Any]], size: int) -> str:
    words = {True: "yes", False: "no"}
    rows = [
        (
            column["name"],
            column["dtype"],
            *(words[column[fact]] for fact in ("nullable", "dictionary", "statistics")),
            column["bytes"],
            f"{column['bytes'] / size:.1%}",
        )
        for column in columns
    ]
    return tabulate(
        rows,
        headers=("name", "dtype", "null?", "dictionary", "statistics", "bytes", "share"),
        tablefmt="simple",
        intfmt=",",
        disable_numparse=[0, 1, 2, 3, 4, 6],
        colalign=("left", "left", "left", "left", "left", "right", "right"),
    )


def _proportion_table(rates: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    rows = [
        (claim.removesuffix("_proportions_within_bounds").removesuffix("_proportion_within_bounds"), of, *row.values())
        for claim, proportions in rates.items()
        for of, row in proportions.items()
        if row["expected"] and not of.startswith("tenth ")
    ]
    return tabulate(
        rows,
        headers=("check", "of", "expected", "observed", "count", "lowest", "highest"),
        tablefmt="simple",
        intfmt=",",
        floatfmt=".6f",
    )
