"""Measure the realistic profile, and print one table."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path

import polars as pl

from benchmarks.fresh import say
from benchmarks.realism import coherent, cost, daily_counts, learnable, lifelike, sweep, tricks, whole
from benchmarks.realism.days import Setting, answer_key, dates, labels, payments
from benchmarks.realism.learning import USUAL, Split
from benchmarks.realism.report import Measure, table
from benchmarks.report import machine
from synth_assets.generator.realistic.world import World

MONTH = 30
QUICK_ROWS, ROWS = 30_000, 100_000


class Study:
    """The payments that are measured, made once and when they are needed."""

    def __init__(self, setting: Setting, days: int) -> None:
        self.setting = setting
        self.plans = [setting.plan(day) for day in dates(days)]

    @cached_property
    def payments(self) -> pl.DataFrame:
        say(f"making {len(self.plans)} days of the {self.setting.profile} profile, {self.setting.difficulty}")
        return payments(self.plans)

    @cached_property
    def events(self) -> pl.DataFrame:
        return labels(self.plans)

    @cached_property
    def key(self) -> pl.DataFrame:
        return answer_key(self.plans)

    @cached_property
    def world(self) -> World:
        return World.of(self.setting.seed, self.plans[0].customers)

    @cached_property
    def split(self) -> Split:
        return learnable.split_of(self.payments, self.setting)


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.realism",
        description="Measure what can be learned from the realistic profile and how far it is like real payments: "
        "a Markdown table on stdout, progress on stderr. About 8 minutes on two cores.",
    )
    parser.add_argument(
        "--quick", action="store_true", help="fewer payments, one difficulty, the parts learn and leaks"
    )
    parser.add_argument("--difficulty", choices=learnable.WITH_HISTORY, default="medium", help="default: medium")
    parser.add_argument("--rows", type=int, help=f"payments a day (default: {ROWS}; with --quick {QUICK_ROWS})")
    parser.add_argument("--seed", type=int, default=42, help="of the world and of the days (default: 42)")
    parser.add_argument("--customers", type=int, help="of the world (default: 0.6 for each payment a day)")
    parser.add_argument(
        "--sweep", action="store_true", help="instead: seeds, sizes of the world and sizes of a day (20 minutes)"
    )
    parser.add_argument("--only", metavar="PART,…", help="some of the parts: learn, leaks, others, world, life, cost")
    options = parser.parse_args()
    if options.sweep:
        print(sweep.report(sweep.settings(options.difficulty)))
        return
    rows = options.rows or (QUICK_ROWS if options.quick else ROWS)
    setting = Setting("realistic", options.difficulty, rows, options.seed, options.customers)
    study = Study(setting, sum(USUAL) if options.quick else MONTH)

    def learn() -> Iterator[Measure]:
        yield from learnable.learned(study.split, options.difficulty, study.events)
        yield from tricks.tricks(study.split, options.difficulty)
        yield learnable.company(study.payments)
        yield learnable.prevalence(study.payments, study.plans[0].fraud_rate)

    def leaks() -> Iterator[Measure]:
        yield from learnable.unlearnable(study.split)

    def others() -> Iterator[Measure]:
        for difficulty in learnable.WITH_HISTORY:
            if difficulty != options.difficulty:
                other = Study(Setting("realistic", difficulty, rows, options.seed, options.customers), sum(USUAL))
                yield from learnable.learned(other.split, difficulty, other.events)
                yield from tricks.tricks(other.split, difficulty)
                cases = other.payments.join(other.key.drop("event_time"), on="transaction_id")
                yield from whole.channels(cases.filter("label_fraud"), other.payments, difficulty)
        yield from learnable.uniform(Study(Setting("uniform", "", rows, options.seed), sum(USUAL)).split)

    def world() -> Iterator[Measure]:
        yield from coherent.coherent(study.payments, study.events, setting)
        yield from whole.whole(study.payments, study.events, study.key, setting.difficulty)

    def life() -> Iterator[Measure]:
        yield from lifelike.lifelike(study.payments, study.events, study.world)
        yield from lifelike.weekly(setting)
        yield from daily_counts.daily_counts(setting)
        yield from lifelike.recurring(study.payments, setting)

    def costs() -> Iterator[Measure]:
        with tempfile.TemporaryDirectory(prefix="realism-") as folder:
            yield from cost.costs(Path(folder), rows=1_000_000, rounds=7)

    parts: dict[str, Callable[[], Iterator[Measure]]] = {
        "learn": learn,
        "leaks": leaks,
        "others": others,
        "world": world,
        "life": life,
        "cost": costs,
    }
    chosen = options.only.split(",") if options.only else ["learn", "leaks"] if options.quick else list(parts)
    if unknown := set(chosen) - set(parts):
        parser.error(f"no part {', '.join(sorted(unknown))}; the parts are {', '.join(parts)}")
    found: list[Measure] = []
    for part in chosen:
        for measure in parts[part]():
            say(f"{part}: {measure.name}: {measure.found}")
            found.append(measure)
    missed = sum(measure.met is False for measure in found)
    print(f"# Realism\n\n{machine()}\n- {rows:,} payments a day, {study.plans[0].customers:,} customers\n")
    print(f"{table(found)}\n\n{missed} of {len(found)} not met.")


if __name__ == "__main__":
    main()
