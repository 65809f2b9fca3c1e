"""The bucket's name, from SSM Parameter Store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from synth_assets.storage.aws import explained
from synth_assets.storage.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_ssm import SSMClient


def read_parameter(client: SSMClient, name: str) -> str:
    """The parameter's value, decrypted where it is a SecureString.

    Raises:
        StorageError: the parameter is missing, empty or forbidden, or SSM cannot be reached.
    """
    with explained(f"read the SSM parameter {name}"):
        value = client.get_parameter(Name=name, WithDecryption=True)["Parameter"].get("Value", "").strip()
    if not value:
        raise StorageError(f"The SSM parameter {name} is empty. Give it the bucket's name as its value.")
    return value
