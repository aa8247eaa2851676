"""The grammar's parse table, as Lark works it out, and one way through it for tokens already cut.

Lark's own loop goes by objects that compare slowly, and copies whole stacks to tell what could
have stood somewhere; a long file needs neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

from lark import Lark
from lark.grammar import Rule
from lark.lexer import PatternStr
from lark.parsers.lalr_analysis import Shift

from .builder import Builder
from .resources import grammar_text
from .statements import Token

Node = Callable[[list[Any]], Any]
END = "$END"
_PLAIN = {"number": "NUMBER", "string": "STRING"}


class Finish(NamedTuple):
    """A rule has been read to its end: how many parts it has, what it is called, what it builds.

    `build` is None where a rule of one part stands for that part.
    """

    size: int
    rule: str
    build: Node | None


class Stop(NamedTuple):
    """Where a text left the grammar: the states on the way there, and the values they hold.

    `at` is the number of the token that did not fit, `found` its name in the grammar, and `last`
    the name under which the token before it was read.
    """

    states: list[int]
    values: list[Any]
    at: int
    found: str
    last: str


class Built(NamedTuple):
    """A text that the grammar takes, as its builder made it."""

    value: Any


@dataclass(frozen=True, slots=True)
class Table:
    """What to do in each state with each kind of token, and where each rule leads from it.

    `texts` are the words and signs of the language by their names in the grammar.
    """

    start: int
    actions: dict[int, dict[str, int | Finish]]
    leads: dict[int, dict[str, int]]
    texts: dict[str, str]
    names: dict[str, str]
    _passed: dict[tuple[int, int, str], int] = field(default_factory=dict, repr=False)

    def read(self, tokens: Sequence[Token]) -> Built | Stop:
        """What the builder makes of the tokens, or where the grammar cannot go on."""
        states: list[int] = [self.start]
        values: list[Any] = []
        last = ""
        for at, token in enumerate(tokens):
            name = self._name(token, states[-1])
            state = self._reduced(states, values, name)
            if state is None:
                return Stop(states, values, at, name, last)
            states.append(state)
            values.append(token)
            last = name
        if self._reduced(states, values, END) is None:
            return Stop(states, values, len(tokens), END, last)
        return Built(values[-1])

    def after(self, tokens: Sequence[Token]) -> frozenset[str] | None:
        """What `expected` says behind the tokens; None if the grammar cannot take them."""
        states = [self.start]
        for token in tokens:
            state = self._reduced(states, None, self._name(token, states[-1]))
            if state is None:
                return None
            states.append(state)
        return self.expected(states)

    def expected(self, states: Sequence[int]) -> frozenset[str]:
        """Words and signs that could follow; NAME, NUMBER, STRING and $END stand for their kinds."""
        names = [name for name in self.actions[states[-1]] if self._takes(states, name)]
        return frozenset(self.texts.get(name, name) for name in names)

    def _name(self, token: Token, state: int) -> str:
        """The token's name in the grammar.

        A word of the language is a plain name where the grammar has no place for the word: the
        builder then says so with E102.
        """
        if token.kind != "word":
            return _PLAIN.get(token.kind) or self.names.get(token.text, "FOREIGN")
        name = self.names.get(token.text, "NAME")
        here = self.actions[state]
        return "NAME" if name not in here and "NAME" in here else name

    def _reduced(self, states: list[int], values: list[Any] | None, name: str) -> int | None:
        """Finish every rule that ends before a token; the state behind it, None if it cannot stand.

        At the end of the text, finishing the last rule is success, and the state is the one then.
        Without `values` nothing is built.
        """
        actions, leads, passed = self.actions, self.leads, self._passed
        while True:
            state = states[-1]
            action = actions[state].get(name)
            if not isinstance(action, Finish):
                return action
            size, rule, build = action
            if build is None:
                before = states[-2]
                key = (before, state, name)
                led = passed.get(key)
                if led is None:
                    led = passed[key] = self._pass(before, state, name)
                states[-1] = led
                continue
            kept = len(states) - size
            del states[kept:]
            if values is not None:
                parts = values[kept - 1 :]
                del values[kept - 1 :]
                values.append(build(parts))
            states.append(leads[states[-1]][rule])

    def _pass(self, before: int, state: int, name: str) -> int:
        """The state in which a part ends up once all rules that stand for their one part are read."""
        action = self.actions[state].get(name)
        while isinstance(action, Finish) and action.build is None:
            state = self.leads[before][action.rule]
            action = self.actions[state].get(name)
        return state

    def _takes(self, states: Sequence[int], name: str) -> bool:
        """Whether a token could stand behind the states; they are left as they are."""
        kept = len(states)
        above: list[int] = []
        while True:
            top = above[-1] if above else states[kept - 1]
            action = self.actions[top].get(name)
            if not isinstance(action, Finish):
                return action is not None
            taken = min(action.size, len(above))
            del above[len(above) - taken :]
            kept -= action.size - taken
            before = above[-1] if above else states[kept - 1]
            above.append(self.leads[before][action.rule])


def table_of(lark: Lark) -> Table:
    """The table of a grammar of Lark's, its rules built by the transformer that it was given."""
    conf = lark.parse_interactive("").parser_state.parse_conf
    texts = {t.name: t.pattern.value for t in lark.terminals if isinstance(t.pattern, PatternStr)}
    terminals = {END, *(terminal.name for terminal in lark.terminals)}
    actions: dict[int, dict[str, int | Finish]] = {}
    leads: dict[int, dict[str, int]] = {}
    for state, row in conf.states.items():
        actions[state], leads[state] = {}, {}
        for symbol, (action, target) in row.items():
            if symbol not in terminals:
                leads[state][str(symbol)] = target
            elif action is Shift:
                actions[state][str(symbol)] = target
            else:
                actions[state][str(symbol)] = _finish(target, conf.callbacks[target])
    actions[conf.end_state] = {END: conf.end_state}
    names = {text: name for name, text in texts.items()}
    return Table(conf.start_state, actions, leads, texts, names)


def _finish(rule: Rule, build: Node) -> Finish:
    size = len(rule.expansion)
    stands_for_its_part = (
        size == 1
        and rule.options.expand1
        and rule.alias is None
        and not any(rule.options.empty_indices)
    )
    return Finish(size, str(rule.origin.name), None if stands_for_its_part else build)


@cache
def grammar_table() -> Table:
    """The table of the language, its rules built by `Builder`."""
    lark = Lark(
        grammar_text("ebm.lark"),
        parser="lalr",
        start="statement",
        keep_all_tokens=True,
        maybe_placeholders=True,
        transformer=Builder(),  # type: ignore[arg-type]
    )
    return table_of(lark)
