"""Arguments of public functions: one check for each name, made before anything is computed."""

# pyright: strict

from __future__ import annotations

import functools
import inspect
import operator
import os
import reprlib
from collections.abc import Callable, Iterable, Mapping
from numbers import Real
from typing import Any, ParamSpec, TypeVar

from .syntax.diagnostics import EbmError, complain

P = ParamSpec("P")
R = TypeVar("R")
Check = Callable[[str, Any], object]

LARGEST = 3.4028234e38  # of float32: what is larger would be infinite
MOST_COUNT = 2**31 - 1
# What `check_number` is told where a number is to be above 0.
ABOVE_ZERO: tuple[str, Callable[[float], bool]] = ("above 0 and finite", lambda x: x > 0)

_SHORT = reprlib.Repr()
_SHORT.maxstring = _SHORT.maxother = _SHORT.maxlong = 60


def shown(value: object) -> str:
    """A value as Python writes it, on one line and not long, for messages."""
    try:
        return " ".join(_SHORT.repr(value).split())
    except Exception:
        return f"a value of type {type(value).__name__}"


def wrong(name: str, wanted: str, value: object, *helps: str, code: str = "E704") -> EbmError:
    """The error for an argument that does not have the value that is wanted."""
    return complain(code, f"`{name}` must be {wanted}, not {shown(value)}", helps=list(helps))


def check_number(
    name: str,
    value: Any,
    wanted: str = "a finite number",
    fits: Callable[[float], bool] | None = None,
) -> float:
    """A real number that float32 can hold, as Python's own. Raises EbmError E704."""
    number = _real(value)
    if number is None or not abs(number) <= LARGEST or (fits is not None and not fits(number)):
        raise wrong(name, wanted, value)
    return number


def _real(value: Any) -> float | None:
    """One number of Python, NumPy or JAX; None for anything else, and for True and False."""
    kind = getattr(getattr(value, "dtype", None), "kind", "")
    plain = isinstance(value, Real) or (kind in ("i", "u", "f") and getattr(value, "ndim", 1) == 0)
    plain = plain and type(value) is not bool
    try:
        return float(value) if plain else None
    except OverflowError:
        return None


def check_above_zero(**numbers: Any) -> None:
    """Refuse what is not a finite number above 0; None stands for what is not given."""
    for name, value in numbers.items():
        if value is not None:
            check_number(name, value, *ABOVE_ZERO)


def check_share(name: str, value: Any) -> None:
    """Refuse what is not a number between 0 and 1, both left out."""
    check_number(name, value, "between 0 and 1", lambda x: 0 < x < 1)


def whole_number(value: Any) -> int | None:
    """A whole number of Python or NumPy; None for anything else, and for True and False."""
    if isinstance(value, bool) or getattr(value, "ndim", 0) != 0:
        return None
    kind = getattr(getattr(value, "dtype", None), "kind", "i")
    try:
        return operator.index(value) if kind in ("i", "u") else None
    except TypeError:
        return None


def check_counts(least: int = 1, /, **counts: Any) -> None:
    """Refuse counts that are not whole numbers from `least`, or that 32 bits do not hold."""
    for name, value in counts.items():
        number = whole_number(value)
        if number is None or number < least:
            raise wrong(name, f"a whole number from {least}", value)
        if number > MOST_COUNT:
            raise wrong(name, f"a whole number from {least} to {MOST_COUNT}", value)


def check_seed(seed: Any) -> None:
    """Refuse what JAX makes no key of its own from: all seeds from 2^32 on give it the same few."""
    number = whole_number(seed)
    if number is None or not 0 <= number < 1 << 32:
        raise wrong("seed", "a whole number from 0 to 2^32 - 1", seed)


def check_flags(**flags: Any) -> None:
    """Refuse what is neither True nor False."""
    for name, value in flags.items():
        known = isinstance(value, bool) or getattr(getattr(value, "dtype", None), "kind", "") == "b"
        if not known and not (isinstance(value, int) and value in (0, 1)):
            raise wrong(name, "True or False", value)


def check_text(name: str, value: Any, code: str = "E704") -> None:
    """Refuse what is not text."""
    if not isinstance(value, str):
        raise wrong(name, "text", value, code=code)


def check_path(name: str, value: Any) -> None:
    """Refuse what cannot be the path of a file. Raises EbmError E608."""
    try:
        path: Any = os.fspath(value)  # pyright: ignore[reportUnknownVariableType]
    except TypeError:
        path = None
    if not isinstance(path, str) or not path or "\0" in path:
        raise wrong(name, "the path of a file", value, code="E608")


def _entries(value: Any) -> list[Any] | None:
    """The entries of a list, a tuple, a set or an array of one axis; None for anything else."""
    if isinstance(value, str | bytes | Mapping) or getattr(value, "ndim", 1) != 1:
        return None
    try:
        return list(value) if hasattr(value, "__len__") else None
    except TypeError:
        return None


def check_names(name: str, value: Any) -> None:
    """Refuse what is not a list of names. One name may stand alone, to be refused or read as one."""
    listed = [value] if isinstance(value, str) else _entries(value)
    if listed is None or not all(isinstance(each, str) for each in listed):
        raise wrong(name, "a list of names", value)


def check_wish(name: str, value: Any) -> None:
    """Refuse what is neither True, False, a word nor a list of names."""
    if not isinstance(value, bool):
        check_names(name, value)


def check_mapping(name: str, value: Any) -> None:
    """Refuse what is not a dict by names."""
    kept: Any = value
    if not isinstance(value, Mapping) or not all(isinstance(key, str) for key in kept):
        raise wrong(name, "a dict by name", kept, f'{name}={{"x": …}}')


def check_list(name: str, value: Any, wanted: str = "a list of numbers") -> Iterable[Any]:
    """The entries of a list, a tuple or an array; refuses anything else, and what is empty."""
    entries = _entries(value)
    if not entries:
        raise wrong(name, wanted, value)
    return entries


def check_samplers(name: str, value: Any) -> None:
    """Refuse what is not a list of samplers. Raises EbmError E704, or E701 for an entry."""
    for each in check_list(name, value, 'a list of samplers, as ["gibbs", "hmc"]'):
        check_sampler(name, each)


def check_model(name: str, value: Any) -> None:
    """Refuse what is not a model."""
    if isinstance(value, type) or not hasattr(value, "program") or not hasattr(value, "bindings"):
        way = "ebm.loads(text)" if isinstance(value, str) else 'ebm.load("model.ebm")'
        raise wrong(name, "a model", value, f"{way} gives one")


def check_sampler(name: str, value: Any) -> None:
    """Refuse what is neither the name of a sampler nor its settings. Raises EbmError E701."""
    settings = not isinstance(value, type) and isinstance(getattr(value, "name", None), str)
    if not isinstance(value, str) and not settings:
        raise complain("E701", f"{shown(value)} is not a sampler")


def check_option(name: str, value: Any) -> None:
    """Refuse a `name`, `check` or `files` that `load` cannot take: it may be meant for the model."""
    types: dict[str, tuple[str, type]] = {"name": ("text", str), "check": ("True or False", bool)}
    wanted, kind = types.get(name, ("a dict of texts", Mapping))
    if not isinstance(value, kind):
        help = f'what a model calls `{name}` is bound in a dict: load(…, {{"{name}": …}})'
        raise wrong(name, wanted, value, help)


def check_init(name: str, value: Any) -> None:
    """Refuse what cannot say where chains begin; what it says is read later."""
    if isinstance(value, Mapping):
        check_mapping(name, value)
    elif not isinstance(value, str) and not callable(value):
        raise wrong(name, "a dict of values, a word or a strategy of NumPyro", value)


def _counts(least: int = 1) -> Check:
    return lambda name, value: check_counts(least, **{name: value})


def _above_zero(name: str, value: Any) -> None:
    check_number(name, value, *ABOVE_ZERO)


def _flag(name: str, value: Any) -> None:
    check_flags(**{name: value})


def _fraction(name: str, value: Any) -> None:
    check_number(name, value, "from 0 to 1", lambda x: 0 <= x <= 1)


def _method(name: str, value: Any) -> None:
    check_text(name, value, "E706")


CHECKS: Mapping[str, Check] = {
    "model": check_model,
    **dict.fromkeys(("params", "clamp", "given", "state"), check_mapping),
    **dict.fromkeys(
        ("draws", "chains", "thin", "epochs", "batch_size", "slots", "gradients", "most_draws"),
        _counts(),
    ),
    **dict.fromkeys(("buffer", "every", "keep", "n_samples"), _counts()),
    "warmup": _counts(0),
    "seed": lambda name, value: check_seed(value),
    "beta": check_number,
    **dict.fromkeys(
        ("target_error", "target_norm", "target_relative", "seconds", "learning_rate"), _above_zero
    ),
    "restart": _fraction,
    "sampler": check_sampler,
    "method": _method,
    "init": check_init,
    **dict.fromkeys(("progress", "reference", "centred", "resume", "check"), _flag),
    "names": check_names,
    "marginalise": check_wish,
    **dict.fromkeys(("variable", "why", "on_divergence"), check_text),
    **dict.fromkeys(("path", "checkpoint"), check_path),
}


def checked(**special: Check | None) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """A public function whose arguments are checked by their names, before it is called.

    `special`: checks of this function for names that mean something else there, None for none.
    What is the default of an argument passes, so that None is refused where it is not one.
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)
        checks = {n: {**CHECKS, **special}.get(n) for n in signature.parameters}
        defaults = {n: p.default for n, p in signature.parameters.items()}

        @functools.wraps(function)
        def call(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                arguments = signature.bind(*args, **kwargs).arguments
            except TypeError:
                arguments = {}  # the call itself says what is wrong with it
            for name, value in arguments.items():
                check = checks[name]
                if check is not None and value is not defaults[name]:
                    check(name, value)
            return function(*args, **kwargs)

        return call

    return wrap
