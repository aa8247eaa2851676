"""Sizes of dimensions: polynomials in the dimensions' names, and what can be proved of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from fractions import Fraction

Monomial = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Size:
    """A polynomial in dimensions' sizes: `neuron + 1` is {("neuron",): 1, (): 1}."""

    terms: tuple[tuple[Monomial, Fraction], ...]

    @staticmethod
    def of(terms: Mapping[Monomial, Fraction]) -> Size:
        """A polynomial in its one written form."""
        return Size(tuple(sorted((m, c) for m, c in terms.items() if c != 0)))

    @staticmethod
    def number(value: int | Fraction) -> Size:
        """A plain number."""
        return Size.of({(): Fraction(value)})

    @staticmethod
    def dimension(name: str) -> Size:
        """The size of a dimension."""
        return Size.of({(name,): Fraction(1)})

    def __add__(self, other: Size | int) -> Size:
        total = dict(self.terms)
        for monomial, coefficient in _size(other).terms:
            total[monomial] = total.get(monomial, Fraction(0)) + coefficient
        return Size.of(total)

    def __neg__(self) -> Size:
        return Size(tuple((m, -c) for m, c in self.terms))

    def __sub__(self, other: Size | int) -> Size:
        return self + (-_size(other))

    def __mul__(self, other: Size | int) -> Size:
        total: dict[Monomial, Fraction] = {}
        for m, a in self.terms:
            for n, b in _size(other).terms:
                key = tuple(sorted(m + n))
                total[key] = total.get(key, Fraction(0)) + a * b
        return Size.of(total)

    def __truediv__(self, number: int | Fraction) -> Size:
        return Size(tuple((m, c / number) for m, c in self.terms))

    @property
    def constant(self) -> Fraction | None:
        """The value, if no dimension stands in it."""
        if not self.terms:
            return Fraction(0)
        return self.terms[0][1] if len(self.terms) == 1 and self.terms[0][0] == () else None

    @property
    def names(self) -> frozenset[str]:
        """The dimensions that stand in it."""
        return frozenset(name for monomial, _ in self.terms for name in monomial)

    def substitute(self, sizes: Mapping[str, Size]) -> Size:
        """The same with some dimensions written in terms of others."""
        total = Size.number(0)
        for monomial, coefficient in self.terms:
            product = Size.number(coefficient)
            for name in monomial:
                product = product * sizes.get(name, Size.dimension(name))
            total = total + product
        return total

    def value(self, sizes: Mapping[str, int]) -> Fraction:
        """The number for given sizes. Raises KeyError for a dimension without one."""
        total = Fraction(0)
        for monomial, coefficient in self.terms:
            for name in monomial:
                coefficient *= sizes[name]
            total += coefficient
        return total

    def never_negative(self) -> bool:
        """True if provably >= 0 whenever every dimension has at least one element."""
        shifted = self.substitute({n: Size.dimension(n) + 1 for n in self.names})
        return all(c >= 0 for _, c in shifted.terms)

    def __str__(self) -> str:
        parts = []
        for monomial, coefficient in sorted(self.terms, key=lambda t: (-len(t[0]), t[0])):
            size = abs(coefficient)
            factors = [] if size == 1 and monomial else [str(size)]
            text = " * ".join(factors + list(monomial))
            parts.append(("-" if coefficient < 0 else "+", text))
        if not parts:
            return "0"
        first = ("-" if parts[0][0] == "-" else "") + parts[0][1]
        return first + "".join(f" {sign} {text}" for sign, text in parts[1:])


def _size(value: Size | int) -> Size:
    return value if isinstance(value, Size) else Size.number(value)
