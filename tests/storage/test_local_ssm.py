"""The SSM on loopback, asked by boto3."""

from __future__ import annotations

import urllib.error
import urllib.request

import boto3
import pytest
from botocore.exceptions import ClientError

from synth_assets.storage.local_ssm import local_ssm
from tests.conftest import HANG_SECONDS


@pytest.fixture
def ssm(aws):
    """A client of a server of this test's own, which holds one parameter."""
    with local_ssm({"/first": "one"}) as endpoint:
        yield boto3.client("ssm", endpoint_url=endpoint)


def refused(call, **settings) -> str:
    with pytest.raises(ClientError) as raised:
        call(**settings)
    return raised.value.response["Error"]["Code"]


def test_a_parameter_is_read_replaced_and_deleted(ssm):
    assert ssm.get_parameter(Name="/first")["Parameter"]["Value"] == "one"
    assert ssm.put_parameter(Name="/first", Value="two", Overwrite=True)["Version"] == 2
    assert ssm.get_parameter(Name="/first")["Parameter"]["Value"] == "two"
    ssm.delete_parameter(Name="/first")
    assert refused(ssm.get_parameter, Name="/first") == "ParameterNotFound"
    assert refused(ssm.delete_parameter, Name="/first") == "ParameterNotFound"


def test_what_is_there_is_replaced_only_where_that_is_asked_for(ssm):
    assert refused(ssm.put_parameter, Name="/first", Value="two", Type="String") == "ParameterAlreadyExists"
    assert ssm.get_parameter(Name="/first")["Parameter"]["Value"] == "one"


def test_a_secret_is_shown_only_to_who_asks_for_its_decryption(ssm):
    ssm.put_parameter(Name="/secret", Value="hidden", Type="SecureString")
    assert ssm.get_parameter(Name="/secret", WithDecryption=True)["Parameter"]["Value"] == "hidden"
    assert "hidden" not in str(ssm.get_parameter(Name="/secret"))


def test_what_it_does_not_know_is_an_error_and_not_an_empty_answer(ssm):
    assert refused(ssm.describe_parameters) == "UnknownOperationException"


def test_it_is_gone_when_its_body_has_ended():
    with local_ssm({}) as endpoint, pytest.raises(urllib.error.HTTPError):
        urllib.request.urlopen(endpoint, timeout=HANG_SECONDS)
    with pytest.raises(urllib.error.URLError) as raised:
        urllib.request.urlopen(endpoint, timeout=HANG_SECONDS)
    assert isinstance(raised.value.reason, ConnectionRefusedError)
