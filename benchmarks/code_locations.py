"""The project and its empty counterpart, each with a Dagster home of its own."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.fresh import PROJECT_ROOT


@dataclass(frozen=True)
class CodeLocation:
    """Definitions to run, and where their history is kept.

    Args:
        assets: those of a backfill.
    """

    module: str
    assets: tuple[str, ...]
    home: Path
    run_config: Mapping[str, Any] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """This environment without AWS or Dagster settings of its own, as the Makefile makes it."""
        outside = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "DAGSTER_"))}
        return {
            **outside,
            **self.variables,
            "PYTHONWARNINGS": "ignore::FutureWarning",
            "DAGSTER_HOME": str(self.home),
        }


def project_location(folder: Path, rows: int, variables: Mapping[str, str], name: str = "project") -> CodeLocation:
    run_config = {
        "ops": {"payments_parquet": {"config": {"rows": rows}}},
        "resources": {"output_folder": {"config": {"path": str(folder / name / "outputs")}}},
    }
    assets = ("payments_parquet", "s3_raw_payments")
    return CodeLocation("synth_assets.definitions", assets, _home(folder / name), run_config, variables)


def empty_location(folder: Path) -> CodeLocation:
    return CodeLocation("benchmarks.empty_assets", ("empty_file", "empty_object"), _home(folder / "empty"))


def _home(folder: Path) -> Path:
    """The project's dagster.yaml, with its history in the folder."""
    folder.mkdir()
    settings = (PROJECT_ROOT / "dagster.yaml").read_text()
    (folder / "dagster.yaml").write_text(settings.replace("base_dir: .dagster", f"base_dir: {folder}/.dagster"))
    return folder
