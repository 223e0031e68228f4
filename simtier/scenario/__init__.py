"""The scenario file as frozen pydantic models; their attribute docstrings are the reference."""

from simtier.scenario.scenario import Scenario

__all__ = ["Scenario"]
