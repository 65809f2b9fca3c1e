"""`synth-assets upload`: lands a file that is already made, as the asset s3_raw_payments does."""

from __future__ import annotations

import logging
import sys

from synth_assets.documents import Answer
from synth_assets.generator.provenance import Provenance
from synth_assets.judging import THREADS
from synth_assets.landing import find_bucket, land_day
from synth_assets.resources import TimedS3Resource, TimedSSMResource, bucket_settings
from synth_assets.storage.place import Day
from synth_assets.storage.places import place_of


def upload(file: Day, provenance: Provenance, bucket: str | None, parameter: str | None) -> Answer:
    """Upload the file, judged under the contract in its footer, to a bucket or to the one that a parameter names.

    Raises:
        StorageError: a claim about the file does not hold, or it could not be uploaded.
    """
    log = logging.Logger("upload")
    log.addHandler(logging.StreamHandler(sys.stderr))
    target = find_bucket(TimedS3Resource(), TimedSSMResource(**bucket_settings(bucket, parameter)))
    with place_of(file, log).lock_day(file.day):
        uploaded = land_day(target, provenance.schema, file, THREADS, log)
    document = {
        "uri": uploaded.uri,
        "bytes": file.size,
        "sent": uploaded.sent,
        "evidence": uploaded.evidence,
        "replaced": [each.document() for each in uploaded.replaced],
        "warnings": uploaded.warnings,
    }
    return Answer(document, uploaded.uri)
