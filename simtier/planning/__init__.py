"""Planning: how to divide accelerators among the pools of a language model, or among several models, by simulating candidates."""

from simtier.planning.alpaserve import Placement, SharedPlan, alpaserve
from simtier.planning.distserve import distserve
from simtier.planning.goodput import climb, goodput
from simtier.planning.plans import Plan, Pool
from simtier.planning.question import Promise, Question, question
from simtier.planning.splitwise import splitwise
from simtier.planning.write import planned, require_new, write

__all__ = [
    "Placement",
    "Plan",
    "Pool",
    "Promise",
    "Question",
    "SharedPlan",
    "alpaserve",
    "climb",
    "distserve",
    "goodput",
    "planned",
    "question",
    "require_new",
    "splitwise",
    "write",
]
