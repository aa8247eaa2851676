"""The fenced blocks of a page, with the orders that stand in comments behind them.

```ebm                    a whole program: no warning, compiled, its energy finite
```ebm fragment           statements put behind the `ebm preamble` of docs/language.md
```ebm wrong E302         must raise exactly that code; `ebm fragment wrong E302` likewise
```ebm file common.ebm    a file that later blocks of the page may import
```python                 run in order, page by page; what `print` prints stands behind it after `# `

Behind an `ebm` block, each a comment of its own: `<!-- bind: n=4 -->` sizes and data;
`<!-- energy: sum(s) -->` the same in NumPy, compared at a random state; `<!-- state: s=[1, 1] -->`
and `<!-- params: J=2 -->` instead of random ones; `<!-- quantity m: … -->`; `<!-- warns: W503 -->`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(
    r"^```(?P<info>\S[^\n]*)\n(?P<text>.*?)^```[ ]*\n?(?P<after>(?:\s*<!--.*?-->)*)", re.S | re.M
)
ORDER = re.compile(
    r"<!-- (?P<name>bind|energy|state|params|warns|quantity \w+): (?P<value>.*?) -->", re.S
)


@dataclass(frozen=True)
class Block:
    """One fenced block: the page and line where it begins, its words, its text, its orders."""

    page: Path
    line: int
    info: tuple[str, ...]
    text: str
    orders: dict[str, str]

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def kind(self) -> str:
        return self.info[0]

    @property
    def wrong(self) -> set[str]:
        return set(self.info[self.info.index("wrong") + 1 :]) if "wrong" in self.info else set()


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text()
    return [
        Block(
            page,
            text.count("\n", 0, found.start()) + 1,
            tuple(found["info"].split()),
            found["text"],
            {order["name"]: order["value"] for order in ORDER.finditer(found["after"])},
        )
        for found in FENCE.finditer(text)
    ]
