"""Landing a file in a real S3 server."""

import datetime as dt

import boto3
import pytest

from synth_assets.resources import TimedS3Resource, TimedSSMResource
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.comparison import CRC32, compare
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import MARK, object_key
from synth_assets.storage.loopback import BUCKET, BUCKET_PARAMETER
from synth_assets.storage.replaced import Replaced
from synth_assets.storage.s3 import upload_day
from tests.conftest import DAY, object_keys

METADATA = {"rows": "5", "seed": "42", MARK: "2"}


@pytest.fixture
def bucket(aws) -> Bucket:
    return TimedS3Resource().bucket(BUCKET)


@pytest.fixture
def client(bucket):
    return bucket.client


def local(tmp_path, rows=5, content=b"five") -> DayFile:
    path = tmp_path / f"payments_{rows}_{DAY}.parquet"
    path.write_bytes(content)
    return DayFile.at(path)


def counted(client, operation: str) -> list[str]:
    calls: list[str] = []
    client.meta.events.register(f"before-call.s3.{operation}", lambda **_: calls.append(operation))
    return calls


def test_a_file_lands_under_its_dated_key_with_its_metadata(bucket, client, tmp_path):
    uploaded = upload_day(bucket, local(tmp_path), METADATA)
    key = f"payments/year=2026/month=01/payments_5_{DAY}.parquet"
    assert (uploaded.uri, uploaded.sent, uploaded.replaced) == (f"s3://{BUCKET}/{key}", True, [])
    stored = client.get_object(Bucket=BUCKET, Key=key)
    assert stored["Body"].read() == b"five"
    assert stored["Metadata"] == METADATA | {CRC32: local(tmp_path).checksums.crc32}


def test_a_large_file_goes_in_parts_and_keeps_a_whole_object_checksum(bucket, client, tmp_path):
    file = local(tmp_path, content=bytes(range(256)) * (8 * 2**20 // 256 + 1))
    parts = counted(client, "UploadPart")
    assert upload_day(bucket, file, METADATA).sent
    assert len(parts) == 2
    head = client.head_object(Bucket=BUCKET, Key=object_key(file.path.name, DAY), ChecksumMode="ENABLED")
    assert head["ChecksumCRC32"] == file.checksums.crc32


def test_the_same_file_again_sends_nothing(bucket, client, tmp_path):
    upload_day(bucket, local(tmp_path), METADATA)
    puts = counted(client, "PutObject")
    again = upload_day(bucket, local(tmp_path), METADATA)
    assert (again.sent, puts) == (False, [])


@pytest.mark.parametrize(
    "other", [{"content": b"FIVE"}, {"content": b"fiver"}, {"metadata": METADATA | {"seed": "43"}}],
    ids=["content", "size", "metadata"],
)  # fmt: skip
def test_a_file_that_differs_is_sent_again(bucket, client, tmp_path, other):
    upload_day(bucket, local(tmp_path), METADATA)
    metadata = other.pop("metadata", METADATA)
    changed = local(tmp_path, **other)
    assert upload_day(bucket, changed, metadata).sent
    assert compare(bucket, changed, metadata).differences == []


def test_another_row_count_replaces_the_days_object_and_no_other(bucket, client, tmp_path):
    others = [
        f"payments/year=2026/month=01/payments_5_{DAY + dt.timedelta(days=1)}.parquet",
        "payments/year=2026/month=01/notes.txt",
    ]
    for key in others:
        client.put_object(Bucket=BUCKET, Key=key, Body=b"")
    upload_day(bucket, local(tmp_path), METADATA)
    uploaded = upload_day(bucket, local(tmp_path, rows=6), METADATA)
    uri = f"s3://{BUCKET}/payments/year=2026/month=01/payments_5_{DAY}.parquet"
    assert uploaded.replaced == [Replaced(uri, 5, len(b"five"))]
    assert object_keys(client) == sorted([*others, f"payments/year=2026/month=01/payments_6_{DAY}.parquet"])


def test_what_killed_uploads_of_the_day_left_is_cleared_and_no_other_days(bucket, client, tmp_path):
    tomorrow = DAY + dt.timedelta(days=1)
    keys = [object_key(f"payments_{rows}_{day}.parquet", day) for rows, day in ((5, DAY), (6, DAY), (5, tomorrow))]
    for key in keys:
        started = client.create_multipart_upload(Bucket=BUCKET, Key=key)
        client.upload_part(Bucket=BUCKET, Key=key, UploadId=started["UploadId"], PartNumber=1, Body=b"half")
    upload_day(bucket, local(tmp_path), METADATA)
    left = client.list_multipart_uploads(Bucket=BUCKET).get("Uploads", [])
    assert [upload["Key"] for upload in left] == [keys[2]]
    client.abort_multipart_upload(Bucket=BUCKET, Key=keys[2], UploadId=left[0]["UploadId"])


def test_a_wrong_checksum_is_refused_by_the_server_and_nothing_stays(bucket, client, tmp_path):
    old = local(tmp_path, rows=4)
    upload_day(bucket, old, METADATA)
    file = local(tmp_path)
    assert file.checksums.crc32
    file.path.write_bytes(b"4444")
    with pytest.raises(StorageError, match="BadDigest"):
        upload_day(bucket, file, METADATA)
    assert object_keys(client) == [object_key(old.path.name, DAY)]


def test_differences_name_what_differs(bucket, client, tmp_path):
    file = local(tmp_path)
    assert "no object" in compare(bucket, file, METADATA).differences[0]
    upload_day(bucket, file, METADATA)
    assert compare(bucket, file, METADATA).differences == []
    found = " ".join(compare(bucket, local(tmp_path, content=b"4444"), METADATA).differences)
    assert "CRC-32" in found
    assert "bytes" not in found


def failure(tmp_path, name=BUCKET, **settings) -> str:
    with pytest.raises(StorageError) as caught:
        upload_day(TimedS3Resource(**settings).bucket(name), local(tmp_path), METADATA)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_a_missing_bucket_is_named_with_its_fix(aws, tmp_path):
    message = failure(tmp_path, "no-such-bucket")
    assert "s3://no-such-bucket/" in message
    assert "Create the bucket" in message


def test_a_wrong_secret_says_which_variable_to_fix(aws, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    assert "Fix AWS_SECRET_ACCESS_KEY" in failure(tmp_path)


def test_no_credentials_says_which_variables_to_set(aws, tmp_path, monkeypatch):
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    assert "Set AWS_ACCESS_KEY_ID" in failure(tmp_path)


def test_an_endpoint_that_is_down_is_named(aws, tmp_path, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    message = failure(tmp_path, max_attempts=1)
    assert "http://127.0.0.1:9" in message
    assert "AWS_ENDPOINT_URL" in message


def test_encryption_and_owner_go_with_every_call_that_takes_them(aws, tmp_path):
    resource = TimedS3Resource(server_side_encryption="AES256", expected_bucket_owner="123456789012")
    bucket = resource.bucket(BUCKET)
    sent: dict[str, dict] = {}
    bucket.client.meta.events.register(
        "before-send.s3.*", lambda request, event_name, **_: sent.update({event_name.split(".")[-1]: request.headers})
    )
    upload_day(bucket, local(tmp_path, rows=4), METADATA)
    upload_day(bucket, local(tmp_path), METADATA)
    assert {"HeadObject", "PutObject", "ListObjectsV2", "ListMultipartUploads", "DeleteObject"} <= set(sent)
    assert {headers["x-amz-expected-bucket-owner"] for headers in sent.values()} == {b"123456789012"}
    assert sent["PutObject"]["x-amz-server-side-encryption"] == b"AES256"


def test_an_endpoint_that_is_no_url_is_refused_at_once(aws, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "nonsense")
    with pytest.raises(StorageError, match="AWS_ENDPOINT_URL"):
        TimedS3Resource().get_client()


def test_the_bucket_is_read_from_its_parameter(aws):
    assert TimedSSMResource().bucket() == BUCKET
    boto3.client("ssm").put_parameter(Name="/secret/bucket", Value="hidden", Type="SecureString", Overwrite=True)
    assert TimedSSMResource(bucket_parameter="/secret/bucket").bucket() == "hidden"


def test_a_missing_parameter_is_named_with_its_fix(aws):
    with pytest.raises(StorageError, match=r"/no/such.*ParameterNotFound.*Create it"):
        TimedSSMResource(bucket_parameter="/no/such").bucket()


def test_an_empty_parameter_is_refused(aws):
    boto3.client("ssm").put_parameter(Name="/empty", Value=" ", Type="String", Overwrite=True)
    with pytest.raises(StorageError, match="/empty is empty"):
        TimedSSMResource(bucket_parameter="/empty").bucket()


def test_no_region_says_which_variable_to_set(aws, monkeypatch):
    monkeypatch.delenv("AWS_DEFAULT_REGION")
    with pytest.raises(StorageError, match="AWS_DEFAULT_REGION"):
        TimedSSMResource().bucket()


def test_the_bucket_parameter_is_that_of_the_loopback():
    assert TimedSSMResource().bucket_parameter == BUCKET_PARAMETER
