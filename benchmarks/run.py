"""All that has a peer, one case after the other: a table of ratios and a plot of them.

    pip install -e '.[peers]'                        torchebm too, where it is wanted
    python benchmarks/run.py [script …] [--keep]

Ours and the peers run in one process on one machine, in turn. `--keep` writes the table with date
and machine into docs/benchmarks.md and the plot into docs/images/benchmarks.png.
"""

import json
import os
import platform
import re
import sys
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import epochs
import gibbs
import hamiltonian
import jax
import langevin
from matplotlib.figure import Figure
from pairs import Result, run_cases

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
SCRIPTS: dict[str, dict[str, Any]] = {
    "gibbs": {n: c for n, c in gibbs.CASES.items() if n not in ("dense", "potts", "set_up")},
    "langevin": {n: langevin.CASES[n] for n in ("sample", "mala")},
    "hamiltonian": hamiltonian.CASES,
    "epochs": epochs.CASES,
}
PACKAGES = (
    "ebmlang",
    "jax",
    "numpyro",
    "blackjax",
    "thrml",
    "scikit-learn",
    "numba",
    "torchebm",
    "torch",
)


def machine() -> str:
    """What was measured on, and which versions, in a sentence."""
    known = []
    for name in PACKAGES:
        try:
            known.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            continue
    devices = jax.devices()
    kind = devices[0].device_kind if devices[0].platform != "cpu" else platform.machine()
    cores = f"{cpus()} cores, " if devices[0].platform == "cpu" else ""
    python = platform.python_version()
    day = datetime.now(UTC).date().isoformat()
    return f"{day}: {cores}{kind}, Python {python}, {', '.join(known)}."


def cpus() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def table(found: list[Result]) -> str:
    """The ratios as Markdown, the best first."""
    lines = [
        "| case | beside | ratio | quartiles | ours | theirs | of | |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for r in sorted(found, key=lambda r: -r.ratio):
        lines.append(
            f"| {r.case} | {r.peer} | {r.ratio:.3g} | {r.low:.3g} to {r.high:.3g} | {r.ours:.3g} "
            f"| {r.theirs:.3g} | {r.unit}s a second | {r.verdict} |"
        )
    return "\n".join(lines)


def plot(found: list[Result]) -> Figure:
    """A point for each case on a log axis: right of the line ours is faster, left of it the peer."""
    rows = sorted(found, key=lambda r: r.ratio)
    figure = Figure(figsize=(7.2, 0.34 * len(rows) + 1.1), layout="constrained")
    axis = figure.subplots()
    for height, r in enumerate(rows):
        axis.plot([r.low, r.high], [height, height], "-", color="black", lw=1.2)
        face = "black" if r.ratio >= 1 else "white"
        axis.plot(r.ratio, height, "o", color="black", mfc=face, ms=6)
        axis.annotate(
            f"{r.ratio:.2g}" if r.ratio < 100 else f"{r.ratio:,.0f}".replace(",", " "),
            (max(r.high, r.ratio), height), (7, 0), textcoords="offset points", va="center", fontsize=8,
        )  # fmt: skip
    axis.axvline(1, color="0.5", lw=0.8, ls="--", zorder=0)
    axis.set_xscale("log")
    axis.set_yticks(range(len(rows)), [f"{r.case}, beside {r.peer}" for r in rows], fontsize=8)
    axis.set_xlabel("times as fast as the peer (open: slower)", fontsize=9)
    axis.tick_params(axis="x", labelsize=8)
    axis.margins(x=0.12, y=0.06)
    axis.spines[["top", "right"]].set_visible(False)
    return figure


def keep(found: list[Result]) -> None:
    """Put the table and the plot into the documentation."""
    told = f"{machine()}\n\n{table(found)}\n\n![ratios](images/benchmarks.png)\n"
    text = PAGE.read_text(encoding="utf-8")
    between = re.compile(r"(<!-- measured -->\n).*?(<!-- end -->)", re.S)
    PAGE.write_text(between.sub(lambda m: m[1] + told + m[2], text), encoding="utf-8")
    plot(found).savefig(ROOT / "docs" / "images" / "benchmarks.png", dpi=110)


def main(arguments: list[str]) -> None:
    """Run the scripts by name, all without names."""
    names = [a for a in arguments if not a.startswith("-")]
    found = [r for name in names or SCRIPTS for r in run_cases(SCRIPTS[name], [])]
    print(f"\n{machine()}\n\n{table(found)}")
    out = Path("benchmarks.json")
    facts = {"machine": machine(), "results": [r.to_dict() for r in found]}
    out.write_text(json.dumps(facts, indent=1), encoding="utf-8")
    plot(found).savefig("benchmarks.png", dpi=110)
    print(f"\n{out} and benchmarks.png written")
    if "--keep" in arguments:
        keep(found)


if __name__ == "__main__":
    main(sys.argv[1:])
