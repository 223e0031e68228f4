"""From a resolved scenario to live nodes, links, services, applications and workloads."""

from simtier.world.world import World

__all__ = ["World"]
