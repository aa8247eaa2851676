"""The fenced blocks of a page, with the orders that stand in comments behind them.

```ebm                    a whole program: no warning, compiled, its energy finite
```ebm fragment           statements put behind the `ebm preamble` of docs/language.md
```ebm wrong E302         must raise exactly that code; `ebm fragment wrong E302` likewise
```ebm file common.ebm    a file that later blocks of the page may import or run
```python                 run in order, page by page; what `print` prints stands behind it after `# `,
```text                   or, if this comes next, in such a block
```console                lines behind `$ ` are run in order with the rest of the page, then what they say
<!-- not run: … -->       behind any other block, and one that cannot be run: the reason

In what is said `…` stands for anything, and alone in a line for any lines.

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
    r"<!-- (?P<name>bind|energy|state|params|warns|not run|quantity \w+): (?P<value>.*?) -->", re.S
)


@dataclass(frozen=True)
class Block:
    """One fenced block: the page and line where it begins, its words, its text, its orders.

    `behind`: the kind of the block that ends right before it, if nothing else stands between.
    """

    page: Path
    line: int
    info: tuple[str, ...]
    text: str
    orders: dict[str, str]
    behind: str = ""

    @property
    def place(self) -> str:
        return f"{self.page.name}:{self.line}"

    @property
    def kind(self) -> str:
        return self.info[0]

    @property
    def wrong(self) -> set[str]:
        return set(self.info[self.info.index("wrong") + 1 :]) if "wrong" in self.info else set()

    @property
    def file(self) -> str:
        """The file that an `ebm file` block is."""
        return self.info[2] if self.info[1:2] == ("file",) else ""


def blocks_of(page: Path) -> list[Block]:
    """All blocks of a page, in order."""
    text = page.read_text()
    found, end, kind = [], 0, ""
    for fence in FENCE.finditer(text):
        info = tuple(fence["info"].split())
        found.append(
            Block(
                page,
                text.count("\n", 0, fence.start()) + 1,
                info,
                fence["text"],
                {order["name"]: order["value"] for order in ORDER.finditer(fence["after"])},
                kind if not text[end : fence.start()].strip() else "",
            )
        )
        end, kind = fence.end(), info[0]
    return found
