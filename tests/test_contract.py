"""Which contract is read: the working directory's, the installed one, or the one that is named."""

from __future__ import annotations

import re

import pytest

from synth_assets.contract import find_contract, read_contract
from synth_assets.resources import Contract, OutputFolder, TimedS3Resource
from synth_assets.storage.errors import StorageError
from tests.conftest import SCHEMA_FILE


def test_the_working_directorys_contract_comes_before_the_installed_one(working_directory):
    assert find_contract() == SCHEMA_FILE
    own = working_directory / "schema" / "transaction_schema.yaml"
    own.parent.mkdir()
    own.write_text(re.sub("^version: .*", "version: mine", SCHEMA_FILE.read_text(), flags=re.MULTILINE))
    for read in (read_contract, Contract().read):
        assert (read().version, read().source) == ("mine", "schema/transaction_schema.yaml")


def test_a_contract_that_is_named_and_missing_is_an_error_and_not_the_installed_one(working_directory):
    for read in (lambda: read_contract("schema/transaction_schema.yaml"), Contract(path="other.yaml").read):
        with pytest.raises(StorageError, match=r"Cannot read (schema|other).*No such file"):
            read()


def test_the_files_go_to_the_working_directory(working_directory):
    assert OutputFolder().place(TimedS3Resource()).location("") == str(working_directory / "outputs")
