"""What every step shares: its owners, its tags, and how it fails."""

from collections.abc import Iterator
from contextlib import contextmanager

import dagster as dg

from synth_assets.generator.errors import GeneratorError
from synth_assets.storage.errors import StorageError

OWNERS = ["team:payments"]
TAGS = {"domain": "payments", "data": "synthetic"}


@contextmanager
def one_clear_error() -> Iterator[None]:
    """Fail the step with our message alone.

    Raises:
        Failure: for any of our errors, without a retry: the same schema, plan or setting fails again.
    """
    try:
        yield
    except (GeneratorError, StorageError) as error:
        raise dg.Failure(str(error), allow_retries=False) from None
