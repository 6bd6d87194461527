"""Throughput: how long a unit of work takes on this device, as measured."""

from glaze_runtime.devices.verdicts import Verdict
from glaze_runtime.optimiser.tiling import TILE

FORGETTING = 0.9
"""What is left of a measurement's weight when one of as many units is added."""
BESIDES_STEPS = 1.3
"""A picture takes so many times as long as the encoders' steps alone, before anything was measured."""


class Throughput:
    """Seconds a unit of work, as `glaze_edge.batch.work_units` counts them."""

    def __init__(self, verdict: Verdict, encoders: int) -> None:
        seconds = verdict.seconds_per_step or 1.0
        self._seconds = BESIDES_STEPS * encoders * seconds / (TILE * TILE / 1e6)
        self._units = 1.0

    def add(self, units: float, seconds: float) -> None:
        """So many `units` took so many `seconds`."""
        self._seconds = FORGETTING**units * self._seconds + seconds
        self._units = FORGETTING**units * self._units + units

    def seconds(self, units: float) -> float:
        """How long so many `units` will take."""
        return units * self._seconds / self._units
