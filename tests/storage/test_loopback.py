"""`synth-assets local`: a command beside the local S3 and SSM, whatever the environment says of AWS and of proxies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from synth_assets.storage.loopback import BUCKET, BUCKET_PARAMETER, LoopbackAws
from tests.command_line import COMMAND, Outcome, one_error
from tests.conftest import HANG_SECONDS, environment_for, wait_for

NOWHERE = "http://127.0.0.1:9"
PROXIES = dict.fromkeys(("HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy"), NOWHERE)
OF_AN_ACCOUNT = {"AWS_PROFILE": "nobody", "AWS_SESSION_TOKEN": "of-another-key", "AWS_ENDPOINT_URL": NOWHERE}

FIND_BUCKET = f"""
import boto3, sys

bucket = boto3.client("ssm").get_parameter(Name="{BUCKET_PARAMETER}")["Parameter"]["Value"]
boto3.client("s3").put_object(Bucket=bucket, Key="note", Body=b"here")
print(bucket, sys.argv[1:])
sys.exit(7)
"""

TELL_AND_WAIT = """
import json, os, pathlib, sys, time

told = pathlib.Path(sys.argv[1])
told.with_suffix(".part").write_text(json.dumps({name: os.environ[name] for name in os.environ if "ENDPOINT" in name}))
told.with_suffix(".part").rename(told)
while True:
    time.sleep(60)
"""


def test_a_command_finds_the_servers_past_proxies_and_other_settings_and_gives_its_exit_code(tmp_path):
    done = subprocess.run(
        [*COMMAND, "local", "--folder", tmp_path / "aws", "--", sys.executable, "-c", FIND_BUCKET, "a", "--", "--b"],
        env=environment_for(tmp_path, **PROXIES, **OF_AN_ACCOUNT),
        capture_output=True,
        text=True,
        timeout=HANG_SECONDS,
    )
    assert (done.returncode, done.stdout, done.stderr) == (7, f"{BUCKET} ['a', '--', '--b']\n", "")
    assert (tmp_path / "aws" / "data").is_dir()


def is_refused(url: str) -> bool:
    try:
        urllib.request.urlopen(url, timeout=HANG_SECONDS).close()
    except urllib.error.HTTPError:
        return False
    except OSError:
        return True
    return False


def test_a_command_that_is_asked_to_end_ends_and_the_servers_after_it(tmp_path):
    told = tmp_path / "told.json"
    command = [*COMMAND, "local", "--folder", tmp_path / "aws", "--", sys.executable, "-c", TELL_AND_WAIT, told]
    with subprocess.Popen(command, env=environment_for(tmp_path)) as local:
        wait_for("the command to start", told.exists)
        local.send_signal(signal.SIGTERM)
        assert local.wait(HANG_SECONDS) == 128 + signal.SIGTERM
    assert all(map(is_refused, json.loads(told.read_text()).values()))


@pytest.mark.parametrize(
    ("kept", "expected"),
    [(None, "127.0.0.1,localhost"), ("inside.example", "inside.example,127.0.0.1,localhost"), ("*", "*")],
)
def test_what_needs_no_proxy_already_still_needs_none(kept, expected, monkeypatch):
    if kept:
        monkeypatch.setenv("NO_PROXY", kept)
    environment = LoopbackAws("http://127.0.0.1:1", "http://127.0.0.1:2").environment
    assert (environment["NO_PROXY"], environment["no_proxy"]) == (expected, expected)


def test_a_command_that_is_not_there_is_one_line_before_the_servers_start(synth_assets, working_directory):
    error = one_error(synth_assets("local", "--", "no-such-command"))
    assert error == "There is no command no-such-command. Correct its name, or add its folder to PATH."
    assert list(working_directory.iterdir()) == []


def test_local_without_a_command_is_a_usage_error(synth_assets):
    outcome = synth_assets("local", "--folder", "aws")
    assert outcome[:2] == (2, "")
    assert outcome.err.endswith("synth-assets local: error: the following arguments are required: COMMAND\n")


WITHOUT_EXTRA = """
import sys

sys.executable = "/nowhere/bin/python"
from synth_assets import cli

sys.exit(cli.main(["local", "--", sys.argv[1]]))
"""


def test_without_the_extra_it_is_one_line_that_says_how_to_install_it(tmp_path):
    command = Path(tmp_path, "command")
    command.write_text("#!/bin/sh\n")
    command.chmod(0o755)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_EXTRA, command],
        cwd=tmp_path,
        env={"PATH": str(tmp_path), "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
    )
    error = one_error(Outcome(done.returncode, done.stdout, done.stderr))
    assert error.startswith("The local S3 needs weed, which comes with the extra `local`. Install it with: ")
    assert list(tmp_path.iterdir()) == [command]
