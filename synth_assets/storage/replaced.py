"""What a day's new file or object has taken the place of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Replaced:
    """An earlier file or object of a day.

    Args:
        location: the path of the file, or the URI of the object.
        rows: the row count in its name.
        size: its bytes.
    """

    location: str
    rows: int
    size: int

    def __str__(self) -> str:
        return f"{self.location} ({self.rows:,} rows, {self.size:,} bytes)"

    def document(self) -> dict[str, Any]:
        """It as `--json` and the assets' metadata show it."""
        return {"location": self.location, "rows": self.rows, "bytes": self.size}
