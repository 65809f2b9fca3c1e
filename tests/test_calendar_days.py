"""Days by the calendar from the outside: their names, footers, objects and reports, and the bytes of any of them."""

from __future__ import annotations

import datetime as dt
import json
import re
from pathlib import Path

import pyarrow.parquet as pq

import synth_assets
from synth_assets.cli import main
from synth_assets.deployment import job_settings
from synth_assets.generator.footer_claims import Footer, judge_rows
from synth_assets.generator.plan import GenerationPlan
from synth_assets.generator.provenance import Provenance
from synth_assets.storage.layout import file_name, object_key
from synth_assets.storage.parquet import PROVENANCE_KEY
from tests.conftest import day_table, judge_file, make_plan, object_keys, write_day

CHRISTMAS = [dt.date(2025, 12, day) for day in (24, 25, 26)]
SETTINGS = {"profile": "realistic", "customers": 1_000, "rows": 2_000, "volume": "calendar"}
OPTIONS = ["--profile", "realistic", "--customers", "1_000", "--rows", "2_000", "--volume", "calendar"]
RANGE = [*OPTIONS, "--date", "2025-12-24..2025-12-26"]


def by_calendar(day: dt.date, **settings) -> GenerationPlan:
    return make_plan(**SETTINGS | {"day": day} | settings)


def names() -> list[str]:
    return [file_name(by_calendar(day).rows, day) for day in CHRISTMAS]


def test_a_day_of_a_range_is_the_day_that_is_made_alone(synth_assets, aws, working_directory, tmp_path):
    outcome = synth_assets(*RANGE, "--s3", "yes", "--json")
    assert outcome.code == 0, outcome.err
    documents = [json.loads(line) for line in outcome.out.splitlines()]
    rows = [document["rows"] for document in documents]
    assert rows == [by_calendar(day).rows for day in CHRISTMAS]
    assert rows[0] > 1.4 * rows[1]
    assert [Path(document["path"]).name for document in documents] == names()
    assert object_keys() == sorted(object_key(name, day) for name, day in zip(names(), CHRISTMAS, strict=True))
    for day, document in reversed(list(zip(CHRISTMAS, documents, strict=True))):
        alone = synth_assets_alone(tmp_path / "alone", day)
        assert alone.name == Path(document["path"]).name
        assert alone.read_bytes() == Path(document["path"]).read_bytes()
    made = {document["path"]: Path(document["path"]).stat().st_ctime_ns for document in documents}
    assert synth_assets(*RANGE).code == 0
    assert {path: Path(path).stat().st_ctime_ns for path in made} == made  # whole days are kept


def synth_assets_alone(folder: Path, day: dt.date) -> Path:
    folder.mkdir(exist_ok=True)
    return synth_assets.write_day(folder, day, **SETTINGS)


def test_a_file_says_its_own_rows_and_the_mean_and_is_judged_and_made_again_from_them(schema, tmp_path, capsys):
    day = CHRISTMAS[1]
    path = synth_assets_alone(tmp_path, day)
    footer = pq.read_metadata(path)
    plan = json.loads(footer.metadata[PROVENANCE_KEY])["plan"]
    assert (plan["rows"], plan["mean_rows"], plan["volume"]) == (footer.num_rows, 2_000, "calendar")
    assert path.name == file_name(footer.num_rows, day)
    assert footer.num_rows < 1_700
    assert all(claim.passed for claim in judge_file(schema, path))
    assert main(["reproduce", str(path)]) == 0
    assert main(["show", str(path)]) == 0
    shown = capsys.readouterr().out
    assert re.search(r"\nvolume +calendar\n", shown)
    assert re.search(r"\nmean_rows +2000\n", shown)
    assert "installation" not in shown
    assert main(["report", str(path)]) == 0
    assert "mean_rows" in next(tmp_path.glob("report_*.html")).read_text()


def test_a_file_by_other_holidays_is_judged_by_its_footer_and_the_difference_is_said(schema, tmp_path, capsys):
    here = by_calendar(CHRISTMAS[1])
    plan = by_calendar(CHRISTMAS[1], rows=here.rows + 100, mean_rows=2_000)
    assert (plan.rows, plan.on(plan.day).rows) == (here.rows + 100, here.rows)
    path = write_day(tmp_path, schema, plan)
    assert main(["verify", str(path)]) == 0
    said = f"{plan.rows:,} in the file's name; {here.rows:,} by the holidays that this installation knows"
    assert said in capsys.readouterr().out
    other_values = write_day(tmp_path, schema, plan, day_table(schema, plan.model_copy(update={"seed": 43})))
    assert main(["reproduce", str(other_values)]) == 1
    assert (
        f"differs from what its footer gives with these library versions, by whose holidays the day has {here.rows:,} "
        f"rows, and not {plan.rows:,}. Compare them with constraints.txt."
    ) in capsys.readouterr().err


def test_a_footer_comes_back_as_the_same_plan_and_one_of_constant_volume_says_nothing_of_it(schema):
    plan = by_calendar(CHRISTMAS[0])
    made = Provenance.of(schema, plan)
    read = Provenance.parse(json.dumps(made.document).encode(), "a file")
    assert read == made
    assert read.plan.on(CHRISTMAS[1]) == by_calendar(CHRISTMAS[1])
    assert made.digest != Provenance.of(schema, make_plan(**SETTINGS | {"day": plan.day, "rows": 2_001})).digest
    constant = Provenance.of(schema, make_plan(profile="realistic")).document["plan"]
    assert not {"volume", "mean_rows"} & constant.keys()


def test_a_file_with_the_rows_of_the_mean_day_is_not_the_plans(schema):
    plan = by_calendar(CHRISTMAS[1])
    footer = Footer(schema.arrow_schema, 2_000, 2_000, Provenance.of(schema, plan))
    assert not judge_rows(plan, footer).passed


def test_the_settings_of_a_deployment_keep_the_mean_day(monkeypatch, tmp_path):
    file = tmp_path / "settings.yaml"
    file.write_text("realistic: {rows: 5000, volume: calendar}")
    monkeypatch.setenv("SYNTH_ASSETS_SETTINGS", str(file))
    settings = job_settings("realistic")
    assert (settings["rows"], settings["volume"]) == (5_000, "calendar")
    assert "volume" not in job_settings("uniform")
