"""Things that need one another, each put behind what it needs; and the circles among them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

LONGEST_SHOWN = 8


def ordered(needs: Mapping[str, Sequence[str]]) -> tuple[list[str], list[list[str]]]:
    """The names, each behind those that it needs as far as can be, and circles among them.

    A circle lists its names once, each before one that it needs, the last needing the first.
    Every circle has a name in one of those listed; no two that are listed close at one name.
    """
    done: list[str] = []
    circles: list[list[str]] = []
    told: set[str] = set()
    places: dict[str, int] = {}
    seen: set[str] = set()
    for first in needs:
        path: list[str] = []
        ahead: list[Iterable[str]] = []
        _enter(first, needs, path, ahead, places, seen)
        while path:
            name = next(iter(ahead[-1]), None)
            if name is None:
                ahead.pop()
                done.append(path.pop())
                del places[done[-1]]
            elif name in places and name not in told and path[-1] not in told:
                circles.append(path[places[name] :])
                told.update(circles[-1])
            else:
                _enter(name, needs, path, ahead, places, seen)
    return done, circles


def _enter(
    name: str,
    needs: Mapping[str, Sequence[str]],
    path: list[str],
    ahead: list[Iterable[str]],
    places: dict[str, int],
    seen: set[str],
) -> None:
    if name in seen or name not in needs:
        return
    seen.add(name)
    places[name] = len(path)
    path.append(name)
    ahead.append(iter(needs[name]))


def circle_text(circle: Sequence[str]) -> str:
    """`a → b → a`; of a long circle the beginning and the end."""
    names = [*circle, circle[0]]
    if len(names) > LONGEST_SHOWN:
        names = [*names[: LONGEST_SHOWN - 2], "…", names[-1]]
    return " → ".join(names)


def steps(circle: Sequence[str]) -> list[tuple[str, str]]:
    """Each name of a circle with the one that it needs; of a long circle the first few."""
    around = [*circle[1:], circle[0]]
    return list(zip(circle, around, strict=True))[:LONGEST_SHOWN]
