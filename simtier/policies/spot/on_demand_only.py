"""Nothing but an instance on demand."""

from __future__ import annotations

from simtier.contract import Instance, JobView, Spot


class OnDemandOnly(Spot):
    """Run on demand from begin to end: what savings are measured against."""

    def run_on(self, job: JobView) -> Instance:
        """Return ON_DEMAND."""
        return Instance.ON_DEMAND
