"""The examples do what they say, at a small size."""

from __future__ import annotations

import os
import re
import subprocess
import sys

from tests.conftest import PROJECT_ROOT

LIFT = re.compile(r"with its card's history: AUC [\d.]+, average precision ([\d.]+) times the base rate")


def test_the_tutorial_finds_fraud_in_the_realistic_profile_and_none_in_the_uniform() -> None:
    # Two threads of the model's library wait for each other by spinning: on a busy machine ten times as long.
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "examples/learn_fraud.py", "12000"]
    done = subprocess.run(command, cwd=PROJECT_ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    realistic, uniform = map(float, LIFT.findall(done.stdout))
    assert realistic > 3
    assert uniform < 2
    assert re.search(r"stolen_credentials, hidden: \d+% of \d+ are caught", done.stdout)
    assert re.search(r"[1-9]\d* of \d+ false alarms are innocent cases that look like fraud", done.stdout)
