"""Reading long files: seconds for the parser and the checker, and how they grow with the length.

python benchmarks/reading.py
"""

import time

from ebmlang.semantics.checker import check
from ebmlang.syntax.parser import parse
from ebmlang.syntax.source import Source

HEAD = "model long\ndim n = 9\nvisible s : spin[n]\nparam J : real[n, n]\n"
LINE = "energy e{} = -sum(i < j) J[i, j] * s[i] * s[j]\n"


def main():
    print(f"{'lines':>7} {'parse s':>9} {'check s':>9}")
    for lines in (1_000, 2_000, 5_000, 10_000):
        source = Source(HEAD + "".join(LINE.format(k) for k in range(lines)))
        begun = time.perf_counter()
        tree, faults = parse(source)
        read = time.perf_counter()
        program, _ = check(tree, faults)
        done = time.perf_counter()
        assert program is not None
        print(f"{lines:>7} {read - begun:9.2f} {done - read:9.2f}", flush=True)


if __name__ == "__main__":
    main()
