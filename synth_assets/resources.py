"""Resources: where the contract and the files are, and the AWS clients. Nothing is opened at import."""

from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import boto3
import botocore.session
import dagster as dg
from botocore import UNSIGNED
from botocore.config import Config as ClientConfig
from botocore.loaders import Loader, create_loader
from dagster_aws.s3 import S3Resource
from dagster_aws.ssm import SSMResource
from pydantic import Field

from synth_assets.contract import read_contract
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.aws import explained
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.ssm import check_bucket_name, read_parameter

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


@cache
def _service_models(folders: str | None) -> Loader:
    """botocore's descriptions of the services, read once a process: most of the time that a client takes."""
    return create_loader(folders)


class Contract(dg.ConfigurableResource):
    """The payment contract's schema file."""

    path: str | None = Field(
        default=None,
        description="The schema file. None: schema/transaction_schema.yaml of the working directory, "
        "or the installed one where there is none.",
    )

    def read(self) -> TransactionSchema:
        """The contract. Its `source` is the file that it was read from.

        Raises:
            StorageError, SchemaError: as `read_contract`.
        """
        return read_contract(self.path)


class OutputFolder(dg.ConfigurableResource):
    """The folder of the days' files."""

    path: str = Field(
        default="outputs", description="The folder of the files. A relative path starts at the working directory."
    )
    reports: bool = Field(default=True, description="Whether the checks write a day's report beside its file.")

    @property
    def folder(self) -> Path:
        return Path(self.path).absolute()


class TimeLimits(dg.ConfigurableResource):
    """How long an AWS call may take. botocore's own limit is 60 seconds a try, too long to wait in a run."""

    profile_name: str | None = Field(default=None, description="The profile of the AWS configuration files to use.")
    max_attempts: int = Field(default=3, ge=1, description="Tries of a call, the first one included.")
    connect_timeout: float = Field(default=3.0, gt=0, description="Seconds to wait for a connection.")
    # Three tries, and three more to clear what a failed upload has sent: within a minute.
    read_timeout: float = Field(default=8.0, gt=0, description="Seconds to wait for the next bytes of an answer.")
    # Unlike dagster-aws's True, None lets botocore follow AWS_CA_BUNDLE.
    verify: bool | None = Field(
        default=None, description="Whether to verify TLS certificates. None: as botocore is set up."
    )

    def _client(self, service: Literal["s3", "ssm"], **settings: Any) -> Any:
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
                    **settings,
                ),
            )


class TimedS3Resource(TimeLimits, S3Resource):
    """dagster-aws's S3 resource with time limits. What is not set here comes from the environment (AWS_…)."""

    expected_bucket_owner: str | None = Field(
        default=None, pattern="^[0-9]{12}$", description="AWS account that the bucket must belong to."
    )
    server_side_encryption: str | None = Field(
        default=None,
        pattern="^(AES256|aws:kms)$",
        description="Encryption of the object: AES256 (SSE-S3) or aws:kms. None: the bucket's own default.",
    )
    kms_key_id: str | None = Field(default=None, description="The key of aws:kms. None: the account's aws/s3 key.")

    def get_client(self, **settings: Any) -> "S3Client":
        """A client, with more settings of botocore's own where they are given."""
        return self._client("s3", signature_version=UNSIGNED if self.use_unsigned_session else None, **settings)

    def bucket(self, name: str) -> Bucket:
        encryption = {"ServerSideEncryption": self.server_side_encryption, "SSEKMSKeyId": self.kms_key_id}
        return Bucket(
            client=self.get_client(),
            name=name,
            owner=self.expected_bucket_owner,
            encryption={argument: value for argument, value in encryption.items() if value},
            without_checksums=partial(
                self.get_client,
                request_checksum_calculation="when_required",
                response_checksum_validation="when_required",
            ),
        )

    def get_object_to_set_on_execution_context(self) -> "TimedS3Resource":
        # dagster-aws makes a client here, before the step begins: wrong settings would fail the run without a word.
        return self


class TimedSSMResource(TimeLimits, SSMResource):
    """dagster-aws's SSM resource with time limits. What is not set here comes from the environment (AWS_…)."""

    bucket_parameter: str = Field(
        default="/fraud/raw_bucket_name", description="The SSM parameter that holds the bucket's name."
    )
    bucket_name: str | None = Field(
        default=None, description="The bucket's name itself. None: the one that bucket_parameter holds."
    )

    def get_client(self) -> "SSMClient":
        return self._client("ssm")

    def bucket(self) -> str:
        """The bucket's name: the one that is set, or the parameter's value.

        Raises:
            StorageError: the parameter cannot be read, or it is no bucket's name.
        """
        if self.bucket_name is not None:
            return check_bucket_name(self.bucket_name, "The bucket")
        value = read_parameter(self.get_client(), self.bucket_parameter)
        return check_bucket_name(value, f"The value of the SSM parameter {self.bucket_parameter}")


def bucket_settings(bucket: str | None, parameter: str | None) -> dict[str, Any]:
    """The settings of the ssm resource for the options of a command, of which each may be left out."""
    given = {"bucket_name": bucket, "bucket_parameter": parameter}
    return {name: value for name, value in given.items() if value is not None}
