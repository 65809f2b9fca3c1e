"""The examples do what they say, at a small size."""

from __future__ import annotations

import re
import subprocess
import sys

from synth_assets.resources import PROJECT_ROOT

LIFT = re.compile(r"with its card's history: AUC [\d.]+, average precision ([\d.]+) times the base rate")


def test_the_tutorial_finds_fraud_in_the_realistic_profile_and_none_in_the_uniform() -> None:
    done = subprocess.run(
        [sys.executable, "examples/learn_fraud.py", "8000"], cwd=PROJECT_ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    realistic, uniform = map(float, LIFT.findall(done.stdout))
    assert realistic > 3
    assert uniform < 2
