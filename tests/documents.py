"""The project's documents, taken apart: their pages, code blocks, commands, tables and headings."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

from tests.conftest import PROJECT_ROOT

README = (PROJECT_ROOT / "README.md").read_text()
MANUAL = list(dict.fromkeys(re.findall(r"\]\((docs/[\w-]+\.md)\)", README)))
"""The pages of the manual, in the order in which the README leads to them."""

PAGES = {
    name: (PROJECT_ROOT / name).read_text() for name in ("README.md", "CONTRIBUTING.md", *MANUAL, "deploy/README.md")
}
"""The text of each page whose commands and code blocks are held, in the order in which a reader comes to them."""

DOCUMENTS = sorted([*PROJECT_ROOT.glob("*.md"), *PROJECT_ROOT.glob("[!.]*/*.md")])

PROGRAMS = ("make", "synth-assets", "dagster", "dagster-daemon", "dg", "python", "aws", "docker", "find")


class Block(NamedTuple):
    """A fenced block. `tested_by` is the test file that a comment above the block names, or empty."""

    page: str
    tested_by: str
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}, {self.language}: {self.text.splitlines()[0][:40]}"


def all_blocks() -> list[Block]:
    """The fenced blocks of all pages, in order."""
    fence = re.compile(r"^(?:<!-- tested by (\S+) -->\n+)?```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
    return [Block(page, *found) for page, text in PAGES.items() for found in fence.findall(text)]


def blocks(language: str) -> list[Block]:
    """The blocks in a language, but for those that another test file holds."""
    return [block for block in all_blocks() if block.language == language and not block.tested_by]


def fenced_commands() -> list[str]:
    """The commands of the shell blocks, each once and without its comment, in the order of the pages."""
    lines = [line for block in blocks("sh") for line in re.sub(r" *\\\n +", " ", block.text).splitlines()]
    return list(dict.fromkeys(filter(None, (re.sub(r"(^|\s+)#.*", "", line) for line in lines))))


def named_commands() -> set[str]:
    """The commands with an argument that the prose of all pages names."""
    spans = {span for text in PAGES.values() for span in re.findall(r"`([^`\n]+)`", _prose(text))}
    return {span for span in spans if span.split()[0] in PROGRAMS and len(span.split()) > 1}


def _prose(text: str) -> str:
    return re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)


def section(page: str, title: str) -> str:
    """The text below a heading of a page, to the next heading of any level."""
    found = re.search(rf"^#+ {re.escape(title)}\n(.*?)(?=^#|\Z)", PAGES[page], re.MULTILINE | re.DOTALL)
    assert found, f"{page} has no heading {title!r}"
    return found[1]


def rows(table: str) -> list[list[str]]:
    """The cells of a Markdown table's rows, below its header."""
    lines = [line for line in table.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines[2:]]


def figure_tables() -> dict[str, list[tuple[str, str]]]:
    """By make target, the first cell of each row of the tables that a comment says it prints, with the page."""
    found: dict[str, list[tuple[str, str]]] = {}
    for page, text in PAGES.items():
        for target, table in re.findall(r"<!-- printed by make (\w+) -->\n((?:\|.*\n)+)", text):
            found.setdefault(target, []).extend((page, cells[0]) for cells in rows(table))
    return found


def anchors(document: Path) -> set[str]:
    """The fragments by which a link can lead to the headings of a document."""
    headings = re.findall(r"^#+ (.+)$", _prose(document.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}
