"""Chains and rows of batches spread over devices: the leading axis is cut, parameters are everywhere.

XLA's partitioner does the rest, on the devices of one process or of several that
`jax.distributed` has joined; the numbers are those of one device up to the order of sums.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from ..syntax.diagnostics import complain

AXIS = "chain"
SPREAD = ("chains", "latents")  # parts of a learner that have a leading axis of chains
Devices: TypeAlias = str | int | Sequence[Any] | None
Take = Callable[[tuple[slice, slice]], np.ndarray]


@dataclass(frozen=True, slots=True)
class Spread:
    """Devices in a row, over which leading axes are cut into equal parts."""

    devices: tuple[Any, ...]  # of jax.Device

    @property
    def number(self) -> int:
        """How many devices there are."""
        return len(self.devices)

    @property
    def several(self) -> bool:
        """Whether the devices belong to several processes."""
        return len({device.process_index for device in self.devices}) > 1

    @property
    def first(self) -> bool:
        """Whether this process is the one that writes and shows what all of them do."""
        return jax.process_index() == min(device.process_index for device in self.devices)

    def cut(self, axis: int | None) -> NamedSharding:
        """The layout of an array that is cut along an axis, or whole on every device."""
        parts = [None] * axis + [AXIS] if axis is not None else []
        return NamedSharding(Mesh(np.array(self.devices), (AXIS,)), PartitionSpec(*parts))

    def check(self, **counts: int) -> None:
        """Refuse counts that leave a device with fewer than the others. Raises EbmError E704."""
        for name, count in counts.items():
            left = count % self.number
            if left:
                below, above = count - left, count - left + self.number
                near = f"{name}={above}" + (f" or {name}={below}" if below else "")
                raise complain(
                    "E704",
                    f"{name}={count} cannot be parted evenly among {self.number} devices",
                    helps=[near],
                )

    def _layout(self, leaf: Any) -> NamedSharding:
        """Cut where the parts are equal: chains are; slots and examples, of any number, may not be."""
        even = leaf.ndim > 0 and leaf.shape[0] > 0 and leaf.shape[0] % self.number == 0
        return self.cut(0 if even else None)

    def _laid(self, learner: Any, lay: Callable[[Any, NamedSharding], Any]) -> Any:
        """A learner with each of its arrays in its layout."""
        whole = self.cut(None)
        return type(learner)(
            *(
                jax.tree.map(
                    lambda leaf, cut=name in SPREAD: lay(
                        leaf, self._layout(leaf) if cut else whole
                    ),
                    part,
                )
                for name, part in zip(learner._fields, learner, strict=True)
            )
        )

    def put(self, learner: Any) -> Any:
        """A learner, which every process has alike, spread over the devices."""
        return self._laid(learner, self._put)

    def held(self, learner: Any) -> Any:
        """Within a compiled step: the learner stays spread as it is."""
        return self._laid(learner, jax.lax.with_sharding_constraint)

    def _put(self, leaf: Any, layout: NamedSharding) -> Any:
        if not self.several:
            return jax.device_put(leaf, layout)
        if isinstance(leaf, jax.Array) and leaf.sharding == layout:
            return leaf
        if jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            data = self._put(jax.random.key_data(leaf), layout)
            return jax.random.wrap_key_data(data, impl=jax.random.key_impl(leaf))
        values = np.asarray(leaf)
        return jax.make_array_from_callback(values.shape, layout, lambda at: values[at])

    def batches(self, shape: tuple[int, ...], kind: Any, take: Take) -> Any:
        """Batches [batch, row, …] with rows cut; each process takes those of its own devices only."""
        kind = jax.dtypes.canonicalize_dtype(kind)

        def part(at: Any) -> np.ndarray:
            return np.asarray(take((at[0], at[1])), kind)

        return jax.make_array_from_callback(shape, self.cut(1), part)

    def local(self, tree: Any) -> Any:
        """Arrays as this process can read them: its own as they are, those of several in full."""
        if not self.several:
            return tree
        gathered = jax.jit(lambda x: x, out_shardings=self.cut(None))(tree)
        return jax.tree.map(lambda leaf: leaf.addressable_data(0), gathered)

    def agreed(self, said: str | None, words: Sequence[str]) -> str | None:
        """What any process has heard, so that all of them end after the same step."""
        if not self.several:
            return said
        number = words.index(said) + 1 if said in words else 0
        most = int(np.max(multihost_utils.process_allgather(np.array(number))))
        return words[most - 1] if most else None


def spread_over(devices: Devices) -> Spread | None:
    """The devices that `devices=` names: "all", so many, or those of a sequence; None for JAX's own.

    Raises EbmError E704 for a number that there is not, or where a process would have none.
    """
    there = jax.devices()
    match devices:
        case None:
            return None
        case "all":
            chosen = tuple(there)
        case int() if not isinstance(devices, bool) and 0 < devices <= len(there):
            chosen = tuple(there[:devices])
        case Sequence() if not isinstance(devices, str) and devices:
            chosen = tuple(devices)
        case _:
            chosen = ()
    if not chosen or not all(isinstance(each, jax.Device) for each in chosen):
        raise complain(
            "E704",
            f'`devices` must be "all", a number up to {len(there)} or some of jax.devices(), '
            f"not {devices!r}",
        )
    processes = {device.process_index for device in chosen}
    if len(processes) != jax.process_count() and processes != {jax.process_index()}:
        raise complain(
            "E704",
            f"of {jax.process_count()} processes {len(processes)} have some of these devices",
            helps=['devices="all" takes those of every process'],
        )
    return Spread(chosen)
