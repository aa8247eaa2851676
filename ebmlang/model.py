"""What a user holds: a model read from text, with what has been bound to it so far."""

# pyright: strict, reportUnknownMemberType=false, reportUnknownArgumentType=false

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import finalize

import numpy as np

from .arguments import check_mapping, check_option, check_text, checked
from .backend.process import note_dropped, refuse_forked, release_dropped
from .semantics.checker import check
from .semantics.terms import Program
from .syntax.diagnostics import Diagnostic, EbmError, complain
from .syntax.parser import parse
from .syntax.parser import read_text as read_text
from .syntax.source import Source

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from .analysis.structure import Structure
    from .analysis.world import World
    from .backend.binding import Bindings
    from .backend.energy import Target
    from .backend.parameters import ParameterSpace, Params
    from .samplers.interactions import Interactions


class Model:
    """A checked program with sizes, graphs and data bound to it. Immutable: `bind` gives a new one."""

    def __init__(
        self,
        source: Source,
        program: Program,
        bindings: Bindings,
        warnings: tuple[Diagnostic, ...] = (),
        checked: bool = True,
        whole: Model | None = None,
    ) -> None:
        self.source = source
        self.program = program
        self.bindings = bindings
        self.warnings = warnings
        self.checks = checked
        self._whole = whole
        self._made: dict[object, Any] = {}

    @property
    def name(self) -> str:
        """The name after `model`."""
        return self.program.name

    def __repr__(self) -> str:
        sizes = ", ".join(f"{n}={s}" for n, s in self.bindings.sizes.items())
        return f"<ebm model {self.name}({sizes})>"

    def __deepcopy__(self, memo: dict[int, Any]) -> Model:
        """The model itself: nothing of it changes, and what it has compiled is worth keeping."""
        return self

    def __reduce__(self) -> tuple[Any, ...]:
        """What pickle keeps: the text and the bindings. All else is made again."""
        text, name = self.source.text, self.source.name
        return _again, (text, name, self.program.imported, self.checks, self.bindings)

    def _repr_html_(self) -> str:
        from .explain import declarations
        from .pictures.report import model_fragment

        return model_fragment(self, declarations(self))

    def bind(self, bindings: Mapping[str, Any] | None = None, /, **values: Any) -> Model:
        """The model with more of it known: sizes, graphs, given data, functions, held variables.

        By name, or in a dict, as `model.bind({"n": 4})`, which takes any name.
        A visible variable bound here is held at its value when sampling.
        Raises EbmError (E602 to E609) for what does not fit.
        """
        from .backend.binding import bind, together

        return self.with_bindings(bind(self.program, self.bindings, together(bindings, values)))

    def with_bindings(self, bindings: Bindings) -> Model:
        """The same program with other bindings; the model itself, with all it compiled, if none differs."""
        if bindings.same_as(self.bindings):
            return self
        return Model(self.source, self.program, bindings, self.warnings, self.checks, self._whole)

    @cached_property
    def conditioned(self) -> Model:
        """The model of what is not held, given what is: held variables are given data."""
        return self.given_held(frozenset(self.bindings.held))

    def given_held(self, names: frozenset[str]) -> Model:
        """The model in which these of the held variables are given data."""
        if not names:
            return self
        return self.made(("given", names), lambda: self._given_held(names))

    def _given_held(self, names: frozenset[str]) -> Model:
        from .semantics.conditioning import conditioned

        bound = self.bindings
        held = {n: v for n, v in bound.held.items() if n not in names}
        givens = {**bound.givens, **{n: bound.held[n] for n in names}}
        program = conditioned(self.program, names)
        bindings = replace(bound, givens=givens, held=held)
        return Model(self.source, program, bindings, self.warnings, self.checks, self)

    @cached_property
    def unconditioned(self) -> Model:
        """The model in which what was made given data by `conditioned` is held again."""
        if self._whole is None:
            return self
        before, bound = self._whole, self.bindings
        givens = {n: v for n, v in bound.givens.items() if n in before.program.givens}
        return before.with_bindings(replace(bound, givens=givens, held=before.bindings.held))

    @cached_property
    def world(self) -> World:
        """Sizes and graphs. Raises EbmError E601 that names what is still missing."""
        from .backend.binding import complete

        return complete(self.program, self.bindings, frozenset(self.program.givens))

    @cached_property
    def structure(self) -> Structure:
        """What is proved of every unknown; to the entry once sizes are known."""
        from .analysis.structure import analyse

        data = {n: np.asarray(v) for n, v in self.bindings.givens.items()}
        try:
            world = self.world
        except EbmError:
            world = None
        return analyse(self.walled, world, data)

    @cached_property
    def walled(self) -> Program:
        """The program with the walls of its energies as terms of their own."""
        from .semantics.walls import walled

        return walled(self.program)

    @cached_property
    def target(self) -> Target:
        """The energy with everything bound but parameters, given data and the configuration."""
        from .backend.energy import Target, check_defaults
        from .backend.networks import calls

        networks = calls(self.program, self.world, self.bindings.externals)
        target = Target(self.walled, self.world, self.structure, networks)
        check_defaults(target, self.bindings.givens)
        return target

    @cached_property
    def parameter_space(self) -> ParameterSpace:
        """Parameters as values and as free numbers."""
        from .backend.parameters import space_of

        return space_of(self.program, self.world)

    @checked()
    def init(self, seed: int = 0) -> Params:
        """Starting parameters: a dict of arrays in the values' own space, networks' weights as pytrees."""
        from .backend.parameters import start

        refuse_forked()

        return start(self.program, self.world, self.bindings.externals, seed)

    def given(self, given: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """Given data: what is bound, with what is passed put over it. E601 if any is missing."""
        from .backend.arrays import converted

        refuse_forked()
        if given is not None:
            check_mapping("given", given)
        values = dict(self.bindings.givens) | dict(given or {})
        for name in values:
            if name not in self.program.givens:
                raise complain("E606", f"the model has no given `{name}`")
        values = {n: converted(n, v, self.program.givens[n]) for n, v in values.items()}
        missing = [
            n for n in self.program.givens if n not in values and n not in self.program.defaults
        ]
        if missing:
            raise complain(
                "E601",
                f"`{self.name}` still needs the given `{'`, `'.join(missing)}`",
                helps=["model = model.bind(" + ", ".join(f"{n}=…" for n in missing) + ")"],
            )
        return values

    def settled(self, given: Mapping[str, Any] | None) -> Model:
        """The model for given data of a call: bound anew if what was proved rests on other data."""
        refuse_forked()
        leaning = {n: v for n, v in (given or {}).items() if n in self.structure.leans_on}
        return self.bind(leaning) if leaning else self

    def energy(
        self,
        params: Mapping[str, Any],
        state: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
    ) -> Any:
        """The energy in nats, of the shape of the state's leading axes.

        A pure JAX function of params and state: `jit`, `grad` and `vmap` work on it.
        Shapes: state[name] […, dims of name] -> […].
        """
        return self._energies(params, state, given)["energy"]

    def energies(
        self,
        params: Mapping[str, Any],
        state: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        """Every named energy of a state, in nats, by name."""
        parts = self._energies(params, state, given)
        return {e.name: parts[" " + e.name] for e in self.program.energies}

    def free_energy(
        self,
        params: Mapping[str, Any],
        state: Mapping[str, Any],
        given: Mapping[str, Any] | None = None,
    ) -> Any:
        """-log of the sum of exp(-E) over the unknowns that the state lacks, in nats.

        A pure JAX function of params and state, as `energy` is: an RBM's free energy is that of its
        visible units alone. Shapes: state[name] […, dims of name] -> […].
        Raises EbmError E705 if that sum has no closed form and too many states to list.
        """
        from .partition.marginal import free_energy

        refuse_forked()
        return free_energy(self, params, state, given)

    def _energies(
        self,
        params: Mapping[str, Any],
        state: Mapping[str, Any],
        given: Mapping[str, Any] | None,
    ) -> dict[str, Any]:
        refuse_forked()
        import jax.numpy as jnp

        from .backend.energy import batched
        from .backend.parameters import as_arrays

        check_mapping("state", state)
        params = as_arrays(self.program, self.world, params)
        flat, known, batch = batched(self.program, self.world, state, self.given(given))
        if not flat and not known:
            parts = {" " + n: v for n, v in self.target.parts(params, {}, {}).items()}
            return parts | {"energy": sum(parts.values(), jnp.zeros(()))}
        parts = self.made("energies", self._compile_energies)(params, flat, known)
        return {name: value.reshape(batch) for name, value in parts.items()}

    def _compile_energies(self) -> Callable[..., dict[str, Any]]:
        import jax

        def one(params: Any, state: Any, given: Any) -> dict[str, Any]:
            parts = self.target.parts(params, state, given)
            total = sum(parts.values())
            return {"energy": total} | {" " + n: v for n, v in parts.items()}

        return jax.jit(jax.vmap(one, in_axes=(None, 0, 0)))

    def made(self, key: object, make: Callable[[], Any]) -> Any:
        """Something compiled for this model, made when first asked for and kept."""
        refuse_forked()
        if key not in self._made:
            self._watched()
            self._made[key] = make()
        return self._made[key]

    def _watched(self) -> None:
        """Free what is left of models that are gone, and note when this one is."""
        release_dropped()
        if not self._made:
            finalize(self, note_dropped).atexit = False

    def check_params(self, params: Mapping[str, Any]) -> None:
        """Refuse parameters that are missing, of the wrong shape or outside their type."""
        from .backend.parameters import check_params

        refuse_forked()

        check_params(self.program, self.world, params)

    @checked()
    def plot(self, path: str | Path | None = None) -> Figure:
        """The interaction graph with its blocks, as a figure; saved if there is a path (png, svg or pdf).

        Raises EbmError as `interactions` does.
        """
        from .pictures.interactions import interactions

        return interactions(self, path)

    def interactions(self) -> Interactions:
        """The sites that move, which of them interact, and the blocks that move at once.

        Raises EbmError E601 while sizes are missing, E702 if nothing is left to move, E705 for too
        many pairs.
        """
        from .samplers.interactions import interactions

        return interactions(self)

    @checked()
    def explain(self, *, why: str | None = None) -> Any:
        """What was proved, the conditionals, the sampler chosen and why; print it."""
        from .explain import explain

        return explain(self, why=why)


@checked(text=check_text, name=check_option, check=check_option, files=check_option)
def loads(
    text: str,
    bindings: Mapping[str, Any] | None = None,
    /,
    *,
    name: str = "<text>",
    check: bool = True,
    files: Mapping[str, str] | None = None,
    **values: Any,
) -> Model:
    """A model from the text of an .ebm file; sizes, given data, graphs and functions by name.

    What is called `name`, `check` or `files` as these arguments are goes in a dict,
    `loads(text, {"name": 3})`, which takes any name.
    Raises EbmError with every fault of the text, or the first of the bindings. `check=False`
    leaves out the comparison of derived conditionals with differences of the energy. `files`:
    texts of imported files by path, looked up before the disk.
    """
    said = {"name": name != "<text>", "check": check is not True, "files": files is not None}
    return _loaded(Source(text, name, files), check, bindings, values, said)


def _loaded(
    source: Source,
    check: bool,
    bindings: Mapping[str, Any] | None,
    values: Mapping[str, Any],
    said: Mapping[str, bool],
) -> Model:
    from .backend.binding import Bindings, refuse_shared, together

    program, found = read(source)
    if bindings is None:
        refuse_shared(program, [name for name, is_said in said.items() if is_said])
    model = Model(source, program, Bindings(), tuple(found), check)
    return model.bind(together(bindings, values))


def _again(
    text: str, name: str, files: Mapping[str, str], check: bool, bindings: Bindings
) -> Model:
    """A model that was pickled."""
    return loads(text, {}, name=name, check=check, files=files).with_bindings(bindings)


@checked(check=check_option)
def load(
    path: str | Path,
    bindings: Mapping[str, Any] | None = None,
    /,
    *,
    check: bool = True,
    **values: Any,
) -> Model:
    """A model from an .ebm file; see `loads`."""
    source = Source(read_text(path), str(path))
    return _loaded(source, check, bindings, values, {"check": check is not True})


def read(source: Source) -> tuple[Program, list[Diagnostic]]:
    """The program of a source and its warnings. Raises EbmError with every fault. Needs no JAX."""
    tree, faults = parse(source)
    program, found = check(tree, faults)
    if program is None:
        raise EbmError(found)
    return program, found
