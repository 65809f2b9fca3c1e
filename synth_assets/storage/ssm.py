"""The bucket's name, from SSM Parameter Store."""

from __future__ import annotations

import re
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


def check_bucket_name(name: str, source: str) -> str:
    """The name, where it can be a bucket's. `source` is what gave it: an option or a parameter.

    Raises:
        StorageError: it is something else, such as a URI, an ARN, or a name with a prefix.
    """
    if re.fullmatch(r"[A-Za-z0-9._-]{1,255}", name):
        return name
    alone = re.sub(r"^(s3a?://|arn:[^:]*:s3:[^:]*:[^:]*:)", "", name).split("/")[0]
    meant = f"{alone}. " if re.fullmatch(r"[A-Za-z0-9._-]{1,255}", alone) else "without a scheme, a prefix or an ARN. "
    raise StorageError(
        f"{source} is {name!r}, which is not a bucket name. Give the name alone: {meant}"
        f"The objects' keys begin with payments/."
    )
