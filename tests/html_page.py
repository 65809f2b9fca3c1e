"""A page of HTML, taken apart as a reader without eyes would: its tables by their titles, and its pictures."""

from __future__ import annotations

from collections.abc import Sequence
from html.parser import HTMLParser


class Page(HTMLParser):
    """The page's parts.

    Args:
        tables: by caption, or by the heading before it, the cells of each table's rows.
        elements: every element's name and attributes, in order.
    """

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tables: dict[str, list[list[str]]] = {}
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self._heading, self._rows = "", []
        self._open: list[str] = []
        self.feed(html)

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open.append(tag)
        if tag in ("h1", "h2", "h3", "caption"):
            self._heading = ""
        if tag == "table":
            self._rows: list[list[str]] = []
        if tag == "tr":
            self._rows.append([])
        if tag in ("td", "th"):
            self._rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        if tag == "table":
            self.tables[self._heading] = self._rows
        if tag in self._open:
            del self._open[len(self._open) - 1 - self._open[::-1].index(tag) :]

    def handle_data(self, data: str) -> None:
        if "style" in self._open:
            return
        self.text += data
        if {"h1", "h2", "h3", "caption"} & set(self._open):
            self._heading += data
        if {"td", "th"} & set(self._open):
            self._rows[-1][-1] += data

    def numbers(self, title: str) -> dict[str, int]:
        """By the first cell of each row of a table, the number in the second."""
        return {first: int(second.replace(",", "")) for first, second, *_ in self.tables[title][1:]}
