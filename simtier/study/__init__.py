"""Studies: many runs of one scenario with changes, and what they say together.

`task` and `workers`: replications played wherever there is a worker. `variants`, `compare`, `directories`: a few variants against each other, with
confidence. `file`, `axes`, `sweep`, `store`: study files, every cell of them.
"""

from simtier.study.compare import Asked, Compared, compare
from simtier.study.directories import compare_results
from simtier.study.file import Study
from simtier.study.sweep import Swept, sweep
from simtier.study.task import Base
from simtier.study.variants import Variant, variants
from simtier.study.warmup import find_warmup
from simtier.study.workers import Workers, workers

__all__ = [
    "Asked",
    "Base",
    "Compared",
    "Study",
    "Swept",
    "Variant",
    "Workers",
    "compare",
    "compare_results",
    "find_warmup",
    "sweep",
    "variants",
    "workers",
]
