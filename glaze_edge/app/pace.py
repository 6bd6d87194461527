"""Honest time: how long a unit of work takes on this device, as measured."""

from glaze_runtime.devices.verdicts import Verdict
from glaze_runtime.optimiser.tiling import TILE

FORGETTING = 0.9
"""What is left of a measurement's weight when one of the same work is added."""
BESIDES_STEPS = 1.3
"""A picture takes so many times as long as the encoders' steps alone, before anything was measured."""


class Pace:
    """Seconds a unit of work, as `glaze_edge.batch.works` counts it."""

    def __init__(self, verdict: Verdict, encoders: int) -> None:
        seconds = verdict.seconds_per_step or 1.0
        self._seconds = BESIDES_STEPS * encoders * seconds / (TILE * TILE / 1e6)
        self._work = 1.0

    def add(self, work: float, seconds: float) -> None:
        """`work` took so many `seconds`."""
        self._seconds = FORGETTING**work * self._seconds + seconds
        self._work = FORGETTING**work * self._work + work

    def seconds(self, work: float) -> float:
        """How long `work` will take."""
        return work * self._seconds / self._work
