"""Tree to checked program: every name resolved, every dimension met, every fault told at once."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from ..syntax import tree
from ..syntax.diagnostics import Diagnostic, Findings
from ..syntax.source import Span
from .arrays import summed
from .context import Context, Value
from .declarations import (
    collect_names,
    declare_array,
    declare_dimensions,
    declare_graph,
    declare_network,
)
from .defaults import default_of, in_order
from .definitions import bounded, settle_definitions
from .densities import draw_of, energy_of, table
from .expressions import elaborate
from .imports import gather
from .lints import lint
from .lookups import read_whole
from .numbers import each_entry, one_number, starts_inside
from .reductions import _open_one, bind_index, settle_ranges
from .sizes import Size
from .subscripts import settle
from .terms import (
    Apply,
    Array,
    Between,
    Dimension,
    Domain,
    Draw,
    GraphDeclaration,
    Index,
    Kind,
    NamedEnergy,
    NamedQuantity,
    Network,
    ParameterFacts,
    Position,
    Program,
    Reduce,
    Role,
    Symbol,
    Term,
    Whole,
)
from .traverse import is_free_of_unknowns

Kept = TypeVar("Kept")
Checked = tuple[Program | None, list[Diagnostic]]


def check(parsed: tree.Tree, faults: list[Diagnostic] | None = None) -> Checked:
    """The program of a tree, and everything found on the way, syntax faults included.

    The program is None if there is any error.
    """
    findings = Findings(_once(faults or []))
    checker = _Checker(parsed, findings)
    program = checker.run()
    if not findings.errors:
        lint(program, parsed, checker.context.used, findings)
    return (None if findings.errors else program), findings.in_order()


class _Checker:
    """One run over a file. `let`s are checked each behind those that it uses, whatever their order."""

    def __init__(self, parsed: tree.Tree, findings: Findings) -> None:
        self.parsed = parsed
        self.findings = findings
        self.lets: dict[str, Symbol | None] = {}
        self.busy: list[str] = []
        self.texts: dict[str, str] = {}
        self.dims: dict[str, Dimension] = {}
        self.context = Context(findings, {}, elaborate, self.define, self.size_of)
        self.context.densities = frozenset(table())
        energies = (s.name for s in parsed.statements if isinstance(s, tree.Energy))
        self.context.energies = {name.text for name in energies if name}
        if findings.errors:
            self.context.failed |= parsed.left_out

    def size_of(self, dim: Dimension) -> Size:
        """The size written through dimensions that stand on their own."""
        if dim.part is not None:
            return dim.part.upper
        if dim.derived and dim.size is not None:
            inner = {n: self.size_of(self.dims[n]) for n in dim.size.names if n in self.dims}
            return dim.size.substitute(inner)
        return Size.number(len(dim.labels)) if dim.labels else Size.dimension(dim.name)

    def run(self) -> Program:
        """The program as far as it can be read; whatever is wrong is among the findings."""
        self._bring_imports()
        doubles = self._declare_and_define()
        arrays = self._of(Symbol)
        facts = {}
        for statement in self.parsed.statements:
            if isinstance(statement, tree.Param) and statement.name.text in arrays:
                facts[statement.name.text] = self._parameter(statement)
        energies = _apart(self._densities(), self._energies())
        quantities = self._quantities()
        for statement in doubles:
            self.define(statement)
        header = next((s for s in self.parsed.statements if isinstance(s, tree.ModelHeader)), None)
        return Program(
            header.name.text if header else "model",
            header.doc if header else "",
            self.dims,
            self._of(GraphDeclaration),
            {n: s for n, s in arrays.items() if s.unknown},
            {n: s for n, s in arrays.items() if s.role is Role.PARAM},
            {n: s for n, s in arrays.items() if s.role is Role.GIVEN},
            self._of(Network),
            {n: s for n, s in self.lets.items() if s is not None},
            tuple(energies),
            tuple(quantities),
            facts,
            self._defaults(),
            self.texts,
            tuple(self.context.conditions),
        )

    def _declare_and_define(self) -> list[tree.Let]:
        """Give every name its meaning, a `let` behind those that it needs.

        What comes back are `let`s whose name is declared twice: nothing needs them.
        """
        declared, twice = collect_names(self.parsed.statements, self.findings)
        self.dims = declare_dimensions(declared, self.context)
        self._declare_all(declared)
        # A declaration that failed is a name all the same: no second complaint about each use.
        names = self.context.names
        lost = {n for n, s in declared.items() if n not in names}
        lost -= {n for n, s in declared.items() if isinstance(s, tree.Quantity)}
        self.context.failed |= twice | lost
        self.context.twice = twice
        for name in twice:
            names.pop(name, None)
        measures = settle_definitions(self.context)
        statements = bounded(self.parsed.statements, measures, self.context)
        self.parsed = replace(self.parsed, statements=statements)
        doubles = [s for s in statements if isinstance(s, tree.Let) and s.name.text in twice]
        for name in measures:
            definition = names[name]
            if isinstance(definition, tree.Let):
                self.define(definition)
        return doubles

    def _bring_imports(self) -> None:
        """Put what the imports stand for before the statements of the file."""
        brought, self.texts = gather(self.parsed, self.findings)
        imports = [s for s in self.parsed.statements if isinstance(s, tree.Import)]
        self.context.failed |= {name.text for s in imports for name in s.names}
        own = [s for s in self.parsed.statements if not isinstance(s, tree.Import)]
        self.parsed = replace(self.parsed, statements=(*brought, *own))

    def _of(self, kind: type[Kept]) -> dict[str, Kept]:
        return {n: d for n, d in self.context.names.items() if isinstance(d, kind)}

    def _declare_all(self, declared: dict[str, tree.Statement | tree.DimItem]) -> None:
        names = self.context.names
        for name, statement in declared.items():
            if isinstance(statement, tree.Graph):
                graph = declare_graph(statement, self.context)
                if graph is not None:
                    names[name] = graph
        for name, statement in declared.items():
            made = None
            match statement:
                case tree.Given() | tree.Variable() | tree.Param():
                    made = declare_array(statement, self.context)
                case tree.Net():
                    made = declare_network(statement, self.context)
                case tree.Fn() | tree.Let():
                    made = statement
                case _:
                    continue
            if made is not None:
                names[name] = made

    # ------------------------------------------------------------------ statements

    def define(self, statement: tree.Let) -> Symbol | None:
        """The symbol of a `let`, checked once."""
        name = statement.name.text
        if name in self.lets:
            return self.lets[name]
        self.busy.append(name)
        value = self._headed(statement.heads, statement.body, f"let {name}")
        self.busy.pop()
        if value is None:
            self.lets.setdefault(name, None)
            return self.lets[name]
        kind = Kind.CATEGORY if value.category else Kind.INTEGER if value.integer else Kind.REAL
        dims = tuple(_dim_of(axis) for axis in value.axes)
        self.lets[name] = Symbol(
            name,
            Role.LET,
            Domain(kind, labels=value.category),
            dims,
            statement.name.span,
            statement.doc,
            axes=value.axes,
            body=value.body,
        )
        return self.lets[name]

    def _headed(
        self, heads: tuple[tree.IndexHead, ...], body: tree.Expression, left: str = ""
    ) -> Value | None:
        """The value of `name[k, i] = body`: its axes are the indices on the left."""
        context = self.context
        outer, before = context.indices, (context.body, context.left, context.told)
        context.indices, context.body, context.told = {}, body, set()
        context.left, context.headed = left, bool(heads)
        named: dict[str, Index] = {}
        try:
            for head in heads:
                if not self._open_head(head, named):
                    return None
            with self.context.in_force(named):
                value = self.context.elaborate(body, self.context)
            if value is None or not settle_ranges(named, self.context):
                return None
        finally:
            context.indices, context.ended = outer, {}
            context.body, context.left, context.told = before
            if not self.busy:
                settle(self.context)
        if heads and value.axes:
            return each_entry(heads, body, value, left, context)
        axes = tuple(named.values()) or value.axes
        return Value(axes, value.body, value.span, value.integer, value.category)

    def _open_head(self, head: tree.IndexHead, named: dict[str, Index]) -> bool:
        index = Index(head.name.text, head.name.span)
        if head.range is None:
            return bind_index(index, [], named, self.context)
        target = tree.Name(head.name.text, head.name.span)
        within = tree.Within(target, head.range, head.span)
        return _open_one(within, index, [], named, [], self.context)

    def _scalar(self, body: tree.Expression, what: str) -> Term | None:
        value = self._headed((), body)
        return None if value is None else one_number(value, body, what, self.context)

    def _energies(self) -> list[NamedEnergy]:
        found: list[NamedEnergy] = []
        places: dict[str, Span] = {}
        for statement in self.parsed.statements:
            if not isinstance(statement, tree.Energy):
                continue
            name = statement.name.text if statement.name else "energy"
            span = statement.name.span if statement.name else statement.span
            if statement.name is None and name in places:
                name = f"energy{len(places) + 1}"
            while statement.name is None and name in places:
                name += "_"
            if name in places:
                self.findings.error(
                    "E202",
                    span,
                    f"energy `{name}` is declared twice",
                    "again here",
                    marks=[(places[name], "first here")],
                )
                continue
            places[name] = span
            term = self._scalar(statement.body, "an energy")
            if term is not None:
                found.append(NamedEnergy(name, term, span, doc=statement.doc))
        return found

    def _densities(self) -> list[NamedEnergy]:
        found = []
        for statement in self.parsed.statements:
            if not isinstance(statement, tree.Variable) or statement.density is None:
                continue
            symbol = self.context.names.get(statement.name.text)
            if isinstance(symbol, Symbol):
                total = self._density(symbol, statement.density)
                if total is not None:
                    span = statement.density.span
                    found.append(NamedEnergy(symbol.name, total, span, density=True))
        return found

    def _density(self, symbol: Symbol, call: tree.Call) -> Term | None:
        """Sum over the entries of -log density: for a symmetric array each pair once."""
        whole = read_whole(symbol, call.span)
        self.context.used.add(symbol.name)
        made = energy_of(call, whole, symbol.domain, self.context)
        settle(self.context)
        if made is None:
            return None
        value, _ = made
        if not value.axes:
            return value.body
        conditions: tuple[Term, ...] = ()
        if symbol.symmetric or symbol.hollow:
            i, j = (Position(axis, call.span) for axis in value.axes)
            sign = ("<" if symbol.hollow else "<=") if symbol.symmetric else "!="
            conditions = (Apply(sign, (i, j), call.span),)
        total = summed(value, "sum", call.span)
        assert isinstance(total.body, Reduce)
        return replace(total.body, conditions=conditions)

    def _parameter(self, statement: tree.Param) -> ParameterFacts:
        symbol = self.context.names[statement.name.text]
        assert isinstance(symbol, Symbol)
        used = statement.name.text in self.context.used
        init: Term | Draw | None = None
        match statement.init:
            case None:
                pass
            case tree.Call() as call:
                init = draw_of(call, self.context)
            case number:
                value = self.context.elaborate(number, self.context)
                init = value.body if value else None
                starts_inside(symbol, number, self.context)
        prior = self._density(symbol, statement.prior) if statement.prior else None
        if prior is not None and statement.prior and not is_free_of_unknowns(prior):
            self.findings.error(
                "E403",
                statement.prior.span,
                f"the prior of `{symbol.name}` rests on an unknown, which is sampled and not fitted",
                "reads an unknown",
                helps=[f"a density of the unknown given `{symbol.name}` belongs to the unknown"],
            )
        if prior is not None:
            prior = Apply("negate", (prior,), prior.span)
        if not used:
            self.context.used.discard(statement.name.text)
        return ParameterFacts(init, prior)

    def _quantities(self) -> list[NamedQuantity]:
        found = []
        for statement in self.parsed.statements:
            if not isinstance(statement, tree.Quantity):
                continue
            left = f"quantity {statement.name.text}"
            value = self._headed(statement.heads, statement.body, left)
            if value is not None:
                array = Array(value.axes, value.body, statement.body.span)
                integer = value.integer or value.category is not None
                found.append(
                    NamedQuantity(
                        statement.name.text, array, integer, statement.name.span, statement.doc
                    )
                )
        return found

    def _defaults(self) -> dict[str, Array]:
        found = {}
        for statement in self.parsed.statements:
            if isinstance(statement, tree.Given) and statement.default is not None:
                value = self._headed((), statement.default)
                if value is not None and default_of(statement, value, self.context):
                    found[statement.name.text] = Array(
                        value.axes, value.body, statement.default.span
                    )
        return found if in_order(found, self.context) else {}


def _once(faults: list[Diagnostic]) -> list[Diagnostic]:
    """A word of the language used as a name is told where it first stands, not at each use."""
    said: set[str] = set()
    kept = []
    for fault in faults:
        if fault.code != "E102" or fault.says not in said:
            kept.append(fault)
        said.add(fault.says)
    return kept


def _apart(densities: list[NamedEnergy], others: list[NamedEnergy]) -> list[NamedEnergy]:
    """All energies; a density that shares its variable's name with an energy is told apart by a `~`."""
    taken = {energy.name for energy in others}
    named = [replace(d, name=d.name + " ~") if d.name in taken else d for d in densities]
    return [*named, *others]


def _dim_of(axis: Index) -> Dimension | GraphDeclaration:
    match axis.range:
        case Whole(dim=dim):
            return dim
        case Between(lower=lower, upper=upper):
            return Dimension(f"{lower}..{upper}", upper, False, None, axis.span, axis.range)
        case other:
            graph = getattr(other, "graph", None)
            if isinstance(graph, GraphDeclaration):
                return graph
            raise AssertionError(axis)
