"""How AWS is reached, and what its errors mean: which call failed, on what, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
from boto3.exceptions import S3UploadFailedError
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)
from botocore.loaders import Loader, create_loader

from synth_assets.storage.errors import StorageError

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

POLICY = "deploy/iam-policy.json has the whole policy"

_PERMISSIONS = {
    "GetParameter": "ssm:GetParameter",
    "ListObjectsV2": "s3:ListBucket",
    "HeadBucket": "s3:ListBucket",
    "HeadObject": "s3:GetObject",
    "ListMultipartUploads": "s3:ListBucketMultipartUploads",
    "AbortMultipartUpload": "s3:AbortMultipartUpload",
    "DeleteObject": "s3:DeleteObject",
    "GetObject": "s3:GetObject",
    **dict.fromkeys(("CopyObject", "UploadPartCopy"), "s3:PutObject there and s3:GetObject on the day it copies"),
    **dict.fromkeys(("PutObject", "CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload"), "s3:PutObject"),
}
"""The permission that each of our calls needs. A missing object needs s3:ListBucket too, to be known as missing."""

_DENIED = {"AccessDenied", "AccessDeniedException", "403"}

_FIXES = {
    "ParameterNotFound": "Create it with the bucket's name as its value, or name another parameter or the bucket.",
    "NoSuchBucket": "Create the bucket, or fix the setting or the parameter that names it.",
    "NoSuchKey": "Materialize s3_raw_payments for the partition.",
    "404": "Create the bucket, or fix the setting or the parameter that names it.",
    "InvalidAccessKeyId": "Fix AWS_ACCESS_KEY_ID: the service does not know it.",
    "UnrecognizedClientException": "Fix AWS_ACCESS_KEY_ID: the service does not know it.",
    "SignatureDoesNotMatch": "Fix AWS_SECRET_ACCESS_KEY: it does not belong to the access key.",
    "InvalidSignatureException": "Fix AWS_SECRET_ACCESS_KEY: it does not belong to the access key.",
    "ExpiredToken": "Renew the session's credentials (AWS_SESSION_TOKEN).",
    "ExpiredTokenException": "Renew the session's credentials (AWS_SESSION_TOKEN).",
    "PreconditionFailed": "Another run has replaced it. Run this again.",
    "412": "Another run has replaced it. Run this again.",
    "NoSuchUpload": "Another run of the day has taken over, or the upload was aborted. Make the day again.",
    "BadDigest": "The bytes were damaged on the way. Upload the file again.",
    "RequestTimeTooSkewed": "Set this machine's clock.",
    **dict.fromkeys(
        ("SlowDown", "503", "ServiceUnavailable", "ThrottlingException", "Throttling", "TooManyRequestsException"),
        "The service is busy. Try again later.",
    ),
    **dict.fromkeys(
        ("InternalError", "500", "InternalServerError", "RequestTimeout"),
        "The service failed. Try again later.",
    ),
}
_FIXES_BY_CLASS: dict[type[Exception], str] = {
    NoCredentialsError: "Set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this machine a role.",
    PartialCredentialsError: "Set both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY.",
    NoRegionError: "Set AWS_DEFAULT_REGION.",
    EndpointConnectionError: "Check AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SSM) and the network.",
    ValueError: "Fix AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SSM): it is not a URL.",
    HTTPClientError: "Check AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SSM) and the network.",
}


@cache
def _service_models(folders: str | None) -> Loader:
    """botocore's descriptions of the services, read once a process: most of the time that a client takes."""
    return create_loader(folders)


@dataclass(frozen=True)
class AwsConnection:
    """How clients reach AWS. It can be pickled, so that workers make clients of their own.

    What is None comes from the environment of whoever makes the client, as boto3 reads it.

    Args:
        connect_timeout: seconds to wait for a connection.
        read_timeout: seconds to wait for the next bytes of an answer.
        max_attempts: tries of a call, the first one included.
        unsigned: whether calls go without credentials.
    """

    region_name: str | None = None
    endpoint_url: str | None = None
    use_ssl: bool = True
    verify: bool | str | None = None
    profile_name: str | None = None
    aws_access_key_id: str | None = field(default=None, repr=False)
    aws_secret_access_key: str | None = field(default=None, repr=False)
    aws_session_token: str | None = field(default=None, repr=False)
    connect_timeout: float = 3.0
    # Three tries, and three more to clear what a failed upload has sent: within a minute.
    read_timeout: float = 8.0
    max_attempts: int = 3
    unsigned: bool = False

    def client(self, service: Literal["s3", "ssm"], **settings: Any) -> Any:
        """A client, with more settings of botocore's own where they are given.

        Raises:
            StorageError: the settings are wrong or incomplete.
        """
        connection = ("region_name", "endpoint_url", "use_ssl", "verify")
        keys = ("aws_access_key_id", "aws_secret_access_key", "aws_session_token")
        with explained(f"set up the {service} client"):
            # A session of its own for each client: it reads its credentials anew.
            session = botocore.session.Session(profile=self.profile_name)
            session.register_component("data_loader", _service_models(session.get_config_variable("data_path")))
            return boto3.session.Session(botocore_session=session).client(
                service,
                **{name: getattr(self, name) for name in (*connection, *keys)},
                config=ClientConfig(
                    connect_timeout=self.connect_timeout,
                    read_timeout=self.read_timeout,
                    retries={"mode": "standard", "total_max_attempts": self.max_attempts},
                    signature_version=UNSIGNED if self.unsigned else None,
                    **settings,
                ),
            )


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


def wants_checksums(
    client: S3Client, setting: Literal["request_checksum_calculation", "response_checksum_validation"]
) -> bool:
    """Whether botocore's setting (from the environment or the AWS configuration file) lets checksums be used at all.

    S3 requires none of ours, so "when_required" means none.
    """
    return bool(getattr(client.meta.config, setting) != "when_required")


def is_denied(error: ClientError) -> bool:
    """Whether the credentials lack a permission."""
    return error_code(error) in _DENIED


@contextmanager
def explained(action: str) -> Iterator[None]:
    """Turn any AWS error of the body into one StorageError: "Cannot <action>: <reason>. <fix>".

    botocore says by ValueError that an endpoint is no URL.
    """
    try:
        yield
    except (ClientError, BotoCoreError, S3UploadFailedError, ValueError) as error:
        cause = error.__context__ if isinstance(error, S3UploadFailedError) else error
        raise StorageError(f"Cannot {action}: {describe(cause or error)}") from error


def describe(error: BaseException) -> str:
    """The reason and the fix of an AWS error, in one line."""
    if isinstance(error, ClientError):
        code = error_code(error)
        message = error.response.get("Error", {}).get("Message", "")
        fix = _FIXES.get(code, "Look up the code in the service's documentation.")
        if is_denied(error):
            fix = _permission_fix(error)
        if "signature expired" in message.lower():
            fix = "Set this machine's clock."
        return f"{' '.join(message.split()).rstrip('.') or 'refused'} ({code}). {fix}"
    fixes = [fix for kind, fix in _FIXES_BY_CLASS.items() if isinstance(error, kind)]
    return f"{' '.join(str(error).split()).rstrip('.')}. {fixes[0] if fixes else 'Check the AWS settings.'}"


def _permission_fix(error: ClientError) -> str:
    permission = _PERMISSIONS.get(error.operation_name, "the permission")
    # An answer to HEAD has no text, so it may also mean keys that nobody has.
    valid = " Also check that they are valid." if error_code(error) == "403" else ""
    return f"Give the credentials {permission}: {POLICY}.{valid}"
