"""Servers that know no checksums, and roles that may do little: the day lands, or the error says what is missing."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import boto3
import pytest
from moto.server import ThreadedMotoServer

from synth_assets.resources import TimedS3Resource
from synth_assets.storage.bucket import Bucket
from synth_assets.storage.comparison import PART_BYTES, compare, part_bytes
from synth_assets.storage.day_file import DayFile
from synth_assets.storage.errors import StorageError
from synth_assets.storage.layout import MARK, object_key
from synth_assets.storage.loopback import BUCKET
from synth_assets.storage.s3 import upload_day
from tests.conftest import DAY, object_keys
from tests.faulting_proxy import (
    NOT_IMPLEMENTED,
    Proxy,
    drop_checksums,
    drop_etags,
    forward,
    proxy_before,
    refusal,
    refuse_checksums,
)

METADATA = {"seed": "42", MARK: "2"}
SMALL, LARGE = b"five", bytes(range(256)) * (PART_BYTES * 2 // 256) + b"and the rest"
DENIED = refusal(403, "AccessDenied", "Access Denied")
ETAG = "ETag (MD5)"


def a_file(folder: Path, content: bytes = SMALL, rows: int = 5) -> DayFile:
    path = folder / f"payments_{rows}_{DAY}.parquet"
    path.write_bytes(content)
    return DayFile.at(path)


def key_of(rows: int) -> str:
    return object_key(f"payments_{rows}_{DAY}.parquet", DAY)


@pytest.fixture
def s3(aws) -> Iterator[Proxy]:
    with proxy_before(aws.s3_endpoint) as proxy:
        yield proxy


@pytest.fixture
def bucket(s3) -> Bucket:
    """The real server, by way of the proxy."""
    return TimedS3Resource(endpoint_url=s3.endpoint).bucket(BUCKET)


@pytest.fixture
def moto(aws) -> Iterator[Bucket]:
    """The bucket of another real server, which names no checksum of an object that was sent at once."""
    server = ThreadedMotoServer("127.0.0.1", port=0)
    server.start()
    host, port = server.get_host_and_port()
    bucket = TimedS3Resource(endpoint_url=f"http://{host}:{port}").bucket(BUCKET)
    bucket.client.create_bucket(Bucket=BUCKET)
    yield bucket
    server.stop()


def sent_bytes(bucket: Bucket) -> bytes:
    assert bucket.without_checksums is not None
    client = bucket.without_checksums()
    (key,) = object_keys(client)
    return client.get_object(Bucket=BUCKET, Key=key)["Body"].read()


def lands_once(bucket: Bucket, file: DayFile, content: bytes, evidence: str, log: logging.Logger | None = None) -> None:
    """The file lands and is known by the evidence; a second time nothing is sent, and another file is told apart."""
    for sent in (True, False):
        uploaded = upload_day(bucket, file, METADATA, log or logging.getLogger())
        assert (uploaded.sent, uploaded.evidence) == (sent, evidence)
    assert sent_bytes(bucket) == content
    file.path.write_bytes(content[:-1] + b"?")
    other = DayFile.at(file.path)
    assert compare(bucket, other, METADATA).differences
    assert upload_day(bucket, other, METADATA).sent
    assert sent_bytes(bucket) == content[:-1] + b"?"


# --- servers ---------------------------------------------------------------------------------------------------

SERVERS = {"refuses checksums": (refuse_checksums, ETAG), "drops checksums": (drop_checksums, ETAG)}
SERVERS["drops checksums, and its ETags are no MD5s"] = (drop_etags, "size and metadata")


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["at once", "in parts"])
@pytest.mark.parametrize(("fault", "evidence"), SERVERS.values(), ids=SERVERS)
def test_a_day_lands_once_on_a_server_without_checksums(s3, bucket, tmp_path, content, fault, evidence):
    s3.faults = {"any": [fault]}
    lands_once(bucket, a_file(tmp_path, content), content, evidence)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["at once", "in parts"])
def test_a_day_lands_once_on_moto(moto, tmp_path, content):
    lands_once(moto, a_file(tmp_path, content), content, ETAG if content == SMALL else "CRC-32")


def test_where_only_size_and_metadata_are_left_a_warning_says_what_the_server_lacks(s3, bucket, tmp_path, caplog):
    s3.faults = {"any": [drop_etags]}
    uploaded = upload_day(bucket, a_file(tmp_path), METADATA)
    (warning,) = uploaded.warnings
    assert warning.startswith(f"s3://{BUCKET}/{key_of(5)}: the server reports neither a CRC-32 nor an MD5")
    assert [record.message for record in caplog.records if record.levelno == logging.WARNING] == [warning]
    assert upload_day(bucket, a_file(tmp_path), METADATA).warnings == [warning]


def test_an_object_with_the_files_size_and_metadata_but_another_crc_in_it_is_sent_again(s3, bucket, tmp_path):
    s3.faults = {"any": [drop_etags]}
    upload_day(bucket, a_file(tmp_path, b"FIVE"), METADATA)
    (difference,) = compare(bucket, a_file(tmp_path), METADATA).differences
    assert difference.startswith("metadata crc32: ")
    assert upload_day(bucket, a_file(tmp_path), METADATA).sent


def test_boto3s_own_settings_are_obeyed(s3, tmp_path, monkeypatch):
    """With them, no request has a checksum, so that a server that refuses them is never asked in vain."""
    monkeypatch.setenv("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
    monkeypatch.setenv("AWS_RESPONSE_CHECKSUM_VALIDATION", "when_required")
    bucket = TimedS3Resource(endpoint_url=s3.endpoint).bucket(BUCKET)
    s3.faults = {"any": [refuse_checksums]}
    assert upload_day(bucket, a_file(tmp_path), METADATA).evidence == ETAG
    assert [asked for asked in s3.asked if asked.startswith(("PUT", "HEAD"))] == ["HEAD", "HEAD", "PUT", "HEAD"]


def test_a_server_that_refuses_something_else_is_one_error(s3, bucket, tmp_path):
    s3.faults = {"PUT": [NOT_IMPLEMENTED]}
    with pytest.raises(StorageError, match=r"upload .*NotImplemented"):
        upload_day(bucket, a_file(tmp_path), METADATA)


def test_a_large_file_has_no_more_parts_than_s3_takes():
    for size in (0, PART_BYTES * 10_000, PART_BYTES * 10_000 + 1, 5 * 2**40):
        assert -(-size // part_bytes(size)) <= 10_000


# --- roles -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("denied", ["GET?uploads", "DELETE?uploadId"])
def test_unfinished_uploads_that_may_not_be_cleared_are_a_warning(s3, bucket, aws, tmp_path, denied):
    direct = boto3.client("s3", endpoint_url=aws.s3_endpoint)
    upload = direct.create_multipart_upload(Bucket=BUCKET, Key=key_of(4))["UploadId"]
    s3.faults = {denied: [DENIED]}
    uploaded = upload_day(bucket, a_file(tmp_path), METADATA)
    (warning,) = uploaded.warnings
    permission = {"GET?uploads": "s3:ListBucketMultipartUploads", "DELETE?uploadId": "s3:AbortMultipartUpload"}[denied]
    assert f"were not cleared: Access Denied (AccessDenied). Give the credentials {permission}: deploy/" in warning
    assert object_keys(direct) == [key_of(5)]
    direct.abort_multipart_upload(Bucket=BUCKET, Key=key_of(4), UploadId=upload)


@pytest.mark.parametrize("content", [SMALL, LARGE], ids=["at once", "in parts"])
def test_a_role_that_may_get_put_and_list_lands_a_day(s3, bucket, tmp_path, content):
    s3.faults = {"GET?uploads": [DENIED], "DELETE": [DENIED]}
    lands_once(bucket, a_file(tmp_path, content), content, "CRC-32")


def test_a_role_that_may_not_delete_sends_nothing_where_readers_would_see_two_objects(s3, bucket, tmp_path):
    upload_day(bucket, a_file(tmp_path, rows=4), METADATA)
    s3.faults, s3.asked = {"DELETE": [DENIED]}, []
    with pytest.raises(StorageError) as caught:
        upload_day(bucket, a_file(tmp_path), METADATA)
    assert str(caught.value) == (
        f"Cannot replace s3://{BUCKET}/{key_of(4)}: the credentials may not delete it, and {DAY} would have two "
        f"objects. Nothing was uploaded. Give them s3:DeleteObject (deploy/iam-policy.json has the whole policy), or "
        f"delete the object."
    )
    assert not any(asked.startswith(("PUT", "POST")) for asked in s3.asked)
    assert object_keys(bucket.client) == [key_of(4)]


def test_asking_for_the_permission_changes_nothing(s3, bucket, tmp_path):
    upload_day(bucket, a_file(tmp_path, rows=4), METADATA)
    s3.faults = {"PUT": [refusal(403, "AccessDenied")]}
    with pytest.raises(StorageError, match="s3:PutObject"):
        upload_day(bucket, a_file(tmp_path), METADATA)
    assert object_keys(bucket.client) == [key_of(4)]
    s3.faults = {"any": [forward]}
    assert upload_day(bucket, a_file(tmp_path), METADATA).sent
    assert object_keys(bucket.client) == [key_of(5)]


# --- somebody else's objects -----------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [4, 5], ids=["another name", "the same name"])
def test_an_object_that_only_looks_like_the_days_is_never_replaced(s3, bucket, tmp_path, rows):
    bucket.client.put_object(Bucket=BUCKET, Key=key_of(rows), Body=b"mine", Metadata={"owner": "me"})
    s3.asked = []
    with pytest.raises(StorageError, match=rf"s3://{BUCKET}/{key_of(rows)} has the name .*Move it away"):
        upload_day(bucket, a_file(tmp_path), METADATA)
    assert not any(asked.startswith(("PUT", "POST", "DELETE")) for asked in s3.asked)
    assert sent_bytes(bucket) == b"mine"


def test_what_begins_ends_and_is_replaced_is_logged(bucket, tmp_path, caplog):
    caplog.set_level(logging.INFO)
    upload_day(bucket, a_file(tmp_path, b"four", rows=4), METADATA)
    caplog.clear()
    uri, old = f"s3://{BUCKET}/{key_of(5)}", f"s3://{BUCKET}/{key_of(4)}"
    upload_day(bucket, a_file(tmp_path), METADATA)
    begin, end, removed = [record.message for record in caplog.records if record.name == "synth_assets.storage.s3"]
    assert begin == f"{uri}: uploading 4 bytes"
    assert end.startswith(f"{uri}: uploaded 4 bytes in ")
    assert end.endswith(" MB/s)")
    assert removed == f"removed {old} (4 rows, 4 bytes), replaced by {uri}"
