"""What an unadjusted walk does to the law of its draws, in words: no run of one is without them."""

from __future__ import annotations

from .block import Block, Plan
from .langevin import AnnealedBlock, LangevinBlock
from .tempering import untempered
from .underdamped import UnderdampedBlock


def caveat_of(plan: Plan) -> str:
    """How far the law of the draws is off, for each block that walks unadjusted; empty if none does."""
    told = ((block.variables, caveat(block)) for block in untempered(plan).blocks)
    return "; ".join(
        f"the walk of `{'`, `'.join(names)}` is {text}" for names, text in told if text
    )


def caveat(block: Block) -> str:
    """The bias of one block, as the end of a sentence; empty for those that are exact."""
    match block:
        case LangevinBlock(step_size=step, clip=clip):
            heat = block.temperature
            tempered = f", and at temperature {heat:.3g} instead of 1" if heat != 1.0 else ""
            clipped = f", and by its slopes clipped at {clip:g}" if clip is not None else ""
            return f"biased by its step, of order step_size = {step:g}{clipped}{tempered}"
        case AnnealedBlock(schedule=schedule):
            return f"biased by its last step, of order final_step_size = {schedule.last:g}"
        case UnderdampedBlock(settings=settings):
            square = settings.step_size**2
            return f"biased by its step, of order step_size^2 = {square:.3g}"
        case _:
            return ""
