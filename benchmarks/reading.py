"""Reading long and hostile files: seconds of the processor for the parser and for the checker.

python benchmarks/reading.py
"""

from __future__ import annotations

import time

from ebmlang.semantics.checker import check
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

HEAD = "model long\ndim n = 9\nvisible s : spin[n]\nvisible x : real<0, 1>\nparam J : real[n, n]\n"
LINE = "energy e{0} = -sum(i < j) J[i, j] * s[i] * s[j]"
DEEP = 10_000


def lines(line: str, count: int) -> str:
    """Numbered lines."""
    return "\n".join(line.format(k, k + 1) for k in range(count))


def cases() -> dict[str, str]:
    """What is read: well-formed files of growing length, then 10 000 of each thing that is wrong."""
    chain = lines("let a{1} = a{0} + 1", 3000)
    found = {f"{count} lines": lines(LINE, count) for count in (1_000, 2_000, 5_000, 10_000)}
    found |= {
        "lets": lines("let a{0} = x + 1", DEEP),
        "dimensions": lines("dim d{0} = 3", DEEP),
        "variables": lines("visible y{0} : real<0, 1>\nenergy e{0} = y{0} ^ 2", DEEP // 2),
        "a bracket missing on each line": lines("energy e{0} = sum(i s[i] +", DEEP),
        "a keyword missing on each line": lines("a{0} = 3", DEEP),
        "a keyword misspelt on each line": lines("visble y{0} : spin", DEEP),
        "an unknown name on each line": lines("let a{0} = b{0}", DEEP),
        "one sum over all lines": "energy e = " + "\n+ ".join(["x"] * DEEP),
        "one `and` over all lines": "energy e = if " + "\nand ".join(["x > 1"] * DEEP),
        "one line of 300 000 characters": "energy e = x" + " + x" * 75_000,
        "a name of 300 000 characters": "energy e = " + "x" * 300_000,
        "strange characters, 300 000": "energy e = " + "§" * 300_000,
        "brackets never closed": "energy e = " + "(" * DEEP,
        "nested brackets": "energy e = " + "(" * DEEP + "x" + ")" * DEEP,
        "nested `if`": "energy e = " + "if x > 0 then 1 else " * DEEP + "x",
        "nested minus": "energy e = 1 * " + "-" * DEEP + "x",
        "nested powers": "energy e = " + "x ^ " * DEEP + "2",
        "chained comparisons": "energy e = if " + " < ".join(["x"] * DEEP) + " then 1 else 0",
        "a chain of 3000 lets": f"let a0 = x\n{chain}\nenergy e = a3000",
        "a circle of 3000 lets": f"let a0 = a3000\n{chain}\nenergy e = a0",
        "60 lets that double": "let a0 = x\n" + lines("let a{1} = a{0} + a{0}", 60),
    }
    return found


def main() -> None:
    """Print one line for each case."""
    parse(Source(HEAD + "energy e = 1 +"))
    print(f"{'':34}{'parse s':>9}{'check s':>9}{'found':>8}")
    for name, text in cases().items():
        source = Source(f"{HEAD}{text}\n")
        begun = time.process_time()
        tree, faults = parse(source)
        read = time.process_time()
        _, found = check(tree, faults)
        done = time.process_time()
        print(f"{name:34}{read - begun:9.2f}{done - read:9.2f}{len(found):8}", flush=True)


if __name__ == "__main__":
    main()
