"""Resources: where the contract and the files are, and the AWS clients. Nothing is opened at import."""

import dataclasses
import logging
from typing import TYPE_CHECKING, Any

import dagster as dg
from dagster_aws.s3 import S3Resource
from dagster_aws.ssm import SSMResource
from pydantic import Field

from synth_assets.contract import read_contract
from synth_assets.engines import Engine, choose_engine
from synth_assets.generator.schema import TransactionSchema
from synth_assets.storage.aws import AwsConnection
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.place import Place
from synth_assets.storage.places import open_place
from synth_assets.storage.prefix import LOGGER
from synth_assets.storage.ssm import check_bucket_name, read_parameter
from synth_assets.workers import EngineName

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_ssm import SSMClient


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
    """Where the days' files are: a folder, or a prefix of a bucket."""

    path: str = Field(
        default="outputs",
        description="The folder of the files, or s3://BUCKET/PREFIX. A relative path starts at the working directory.",
    )
    reports: bool = Field(default=True, description="Whether the checks write a day's report beside its file.")

    def place(self, s3: "TimedS3Resource", log: logging.Logger = LOGGER) -> Place:
        """The place of the days, which is not looked at yet. `log` is told what it waits for.

        Raises:
            StorageError: it is a URI but no bucket's, or the AWS settings are incomplete.
        """
        return open_place(self.path, s3.bucket, log)


class WorkEngine(dg.ConfigurableResource):
    """Where the work of a day runs. None of its settings changes a byte, a name or a verdict."""

    kind: EngineName = Field(
        default="auto",
        description="threads: this process. processes: the cores of this machine. ray: a Ray cluster, which needs "
        "synth-assets[ray]. auto: processes for days of 5,000,000 rows or more where there are 4 cores or more, and "
        "threads otherwise.",
    )
    workers: int | None = Field(
        default=None,
        ge=1,
        le=10_000,
        description="Threads that generate, processes, or tasks of the cluster at once, 1 to 10,000. None: all cores, "
        "but for one that threads leave to the encoder.",
    )
    address: str | None = Field(
        default=None,
        description="The Ray cluster's address. None: the one in RAY_ADDRESS, or else a cluster on this machine.",
    )

    def for_rows(self, rows: int) -> Engine:
        """The engine for a day of so many rows.

        Raises:
            StorageError: Ray is not installed, or its cluster cannot be reached.
        """
        return choose_engine(self.kind, self.workers, self.address, rows)


class TimeLimits(dg.ConfigurableResource):
    """How long an AWS call may take. botocore's own limit is 60 seconds a try, too long to wait in a run."""

    profile_name: str | None = Field(default=None, description="The profile of the AWS configuration files to use.")
    max_attempts: int = Field(
        default=AwsConnection.max_attempts, ge=1, description="Tries of a call, the first one included."
    )
    connect_timeout: float = Field(
        default=AwsConnection.connect_timeout, gt=0, description="Seconds to wait for a connection."
    )
    read_timeout: float = Field(
        default=AwsConnection.read_timeout, gt=0, description="Seconds to wait for the next bytes of an answer."
    )
    # Unlike dagster-aws's True, None lets botocore follow AWS_CA_BUNDLE.
    verify: bool | None = Field(
        default=None, description="Whether to verify TLS certificates. None: as botocore is set up."
    )

    def _connection(self, **more: Any) -> AwsConnection:
        names = [field.name for field in dataclasses.fields(AwsConnection) if hasattr(self, field.name)]
        return AwsConnection(**{name: getattr(self, name) for name in names}, **more)


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

    @property
    def connection(self) -> AwsConnection:
        """How clients are made, as a value that other processes and machines can use."""
        return self._connection(unsigned=self.use_unsigned_session)

    def get_client(self) -> "S3Client":
        client: S3Client = self.connection.client("s3")
        return client

    def bucket(self, name: str) -> Bucket:
        encryption = {"ServerSideEncryption": self.server_side_encryption, "SSEKMSKeyId": self.kms_key_id}
        given = {argument: value for argument, value in encryption.items() if value}
        bucket = Bucket(self.connection, name, self.expected_bucket_owner, given)
        _ = bucket.client  # wrong settings fail here, and not at the first call
        return bucket

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
        client: SSMClient = self._connection().client("ssm")
        return client

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
