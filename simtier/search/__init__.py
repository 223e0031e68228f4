"""Searching for policies: suites that give one score to a policy, and the best parameters of one.

```python
from simtier.search import evaluate_policy, load_suite

found = evaluate_policy("my_rules.py", load_suite("suites/routing.yaml"))
print(found.score, found.failures)
```
"""

from simtier.search.evaluation import Evaluation, evaluate_policy
from simtier.search.openevolve import Evaluator, evaluate, evaluator
from simtier.search.problem import Case, CaseScore, Problem, ProblemClass
from simtier.search.suite import PROBLEMS, Limits, Suite, load_suite

__all__ = [
    "PROBLEMS",
    "Case",
    "CaseScore",
    "Evaluation",
    "Evaluator",
    "Limits",
    "Problem",
    "ProblemClass",
    "Suite",
    "evaluate",
    "evaluate_policy",
    "evaluator",
    "load_suite",
]
