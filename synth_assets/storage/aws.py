"""What AWS's errors mean, in words that say which call failed, on what, and how to fix it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from boto3.exceptions import S3UploadFailedError
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    EndpointConnectionError,
    HTTPClientError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
)

from synth_assets.storage.errors import StorageError

_FIXES = {
    "ParameterNotFound": "Create it with the bucket's name as its value, or set the ssm resource's bucket_parameter.",
    "NoSuchBucket": "Create the bucket, or fix the parameter that names it.",
    "NoSuchKey": "Materialize s3_raw_payments for the partition.",
    "404": "Create the bucket, or fix the parameter that names it.",
    "InvalidAccessKeyId": "Fix AWS_ACCESS_KEY_ID: the service does not know it.",
    "UnrecognizedClientException": "Fix AWS_ACCESS_KEY_ID: the service does not know it.",
    "SignatureDoesNotMatch": "Fix AWS_SECRET_ACCESS_KEY: it does not belong to the access key.",
    "InvalidSignatureException": "Fix AWS_SECRET_ACCESS_KEY: it does not belong to the access key.",
    "ExpiredToken": "Renew the session's credentials (AWS_SESSION_TOKEN).",
    "ExpiredTokenException": "Renew the session's credentials (AWS_SESSION_TOKEN).",
    "AccessDenied": "Give the credentials the permissions that docs/s3-and-aws.md lists.",
    "AccessDeniedException": "Give the credentials the permissions that docs/s3-and-aws.md lists.",
    "403": "Give the credentials the permissions that docs/s3-and-aws.md lists, and check that they are valid.",
    "BadDigest": "The bytes were damaged on their way. Upload again.",
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
    ValueError: "Fix AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SSM): it is no URL.",
    HTTPClientError: "Check AWS_ENDPOINT_URL (or AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL_SSM) and the network.",
}


def error_code(error: ClientError) -> str:
    return str(error.response.get("Error", {}).get("Code", "unknown"))


@contextmanager
def explained(action: str) -> Iterator[None]:
    """Turn any AWS error of the body into one StorageError: "Cannot <action>: <reason>. <fix>".

    botocore says by ValueError that an endpoint is no URL.
    """
    try:
        yield
    except (ClientError, BotoCoreError, S3UploadFailedError, ValueError) as error:
        cause = error.__context__ if isinstance(error, S3UploadFailedError) else error
        raise StorageError(f"Cannot {action}: {_reason(cause or error)}") from error


def _reason(error: BaseException) -> str:
    if isinstance(error, ClientError):
        code = error_code(error)
        message = error.response.get("Error", {}).get("Message", "")
        fix = _FIXES.get(code, "Look the code up in the service's list of errors.")
        if "signature expired" in message.lower():
            fix = "Set this machine's clock."
        return f"{' '.join(message.split()).rstrip('.') or 'refused'} ({code}). {fix}"
    fixes = [fix for kind, fix in _FIXES_BY_CLASS.items() if isinstance(error, kind)]
    return f"{' '.join(str(error).split()).rstrip('.')}. {fixes[0] if fixes else 'Check the AWS settings.'}"
