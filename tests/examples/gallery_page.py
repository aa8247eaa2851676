"""docs/gallery.md as the scripts of examples/ have it: their first lines, their commands, their pictures."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from conftest import ROOT

EXAMPLES = ROOT / "examples"
IMAGES = ROOT / "docs" / "images"
PAGE = ROOT / "docs" / "gallery.md"

ORDER = (
    *("ising", "spin_glass", "vortices"),
    *("rbm", "dbm", "inpainting", "jem", "two_moons"),
    *("potts_dca", "spikes", "karate", "eight_schools", "mixture"),
)

HEAD = """# Gallery

Models of many fields: each is an energy in an `.ebm` file, as it stands in a paper, and a script of at most
40 lines that draws or fits and makes the picture below. The scripts need no files:

    pip install "ebmlang[demo]"
    python examples/ising.py
"""


@dataclass(frozen=True)
class Entry:
    """One script: its name, its title, its field, what it says of itself."""

    name: str
    title: str
    field: str
    says: str

    @property
    def picture(self) -> str:
        """The file in docs/images; a film where there is one."""
        film = f"gallery-{self.name}.gif"
        return film if (IMAGES / film).exists() else f"gallery-{self.name}.png"

    def __str__(self) -> str:
        return (
            f"## {self.title}\n\n{self.field[0].upper()}{self.field[1:]}. {self.says}\n\n"
            f"![{self.title}](images/{self.picture})\n\n"
            f"    python examples/{self.name}.py\n\n"
            f"[{self.name}.ebm](../examples/{self.name}.ebm), "
            f"[{self.name}.py](../examples/{self.name}.py)\n"
        )


def entry(name: str) -> Entry:
    """What the docstring of a script says: `Title, field: two sentences`."""
    text = ast.get_docstring(ast.parse((EXAMPLES / f"{name}.py").read_text("utf-8")))
    assert text is not None
    head, says = " ".join(text.split()).split(": ", 1)
    title, field = head.split(", ", 1)
    return Entry(name, title, field, says)


def page() -> str:
    """The whole page."""
    return "\n".join([HEAD, *(str(entry(name)) for name in ORDER)])
