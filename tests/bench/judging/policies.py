"""The judges that can be named on the command line, each as people run it: `make(meta)`, then `step(sample)`."""

from __future__ import annotations

import importlib
from collections.abc import Callable

from tests.bench.judging import counting, kayenta, limits, sequential
from tests.bench.judging.course import Decide
from tests.bench.judging.driving import Judge, Meta
from tests.bench.judging.limits import Alarm, Argo, Flagger, Limit
from tests.bench.judging.sequential import Anytime

Make = Callable[[Meta], Judge]


def tidegate(meta: Meta) -> Judge:
    """Tidegate's own, as it stands in this tree."""
    made: Judge = importlib.import_module("tidegate.judge").make_judge(meta)
    return made


POLICIES: dict[str, Make] = {
    "guides": limits.Guide,
    "argo-5%": lambda meta: Argo(meta, Limit(0.05), failure_limit=0),
    "argo-1%": lambda meta: Argo(meta, Limit(0.01), failure_limit=3),
    "flagger": lambda meta: Flagger(meta, Limit(0.01, 0.5, quantile=0.99), threshold=5),
    "alarm": lambda meta: Alarm(meta, Limit(0.01), m=3, n=5),
    "kayenta": kayenta.Kayenta,
    "msprt": lambda meta: Anytime(meta, tau=0.1),
    "netflix": Anytime,
    "tidegate": tidegate,
}

# Those that never hold, over a whole rollout at once: the same decisions (a test compares), many times faster.
WHOLE: dict[str, Decide] = {
    "guides": counting.guide,
    "argo-5%": lambda course, meta: counting.argo(course, meta, Limit(0.05), 0),
    "argo-1%": lambda course, meta: counting.argo(course, meta, Limit(0.01), 3),
    "alarm": lambda course, meta: counting.alarm(course, meta, Limit(0.01), 3, 5),
    "kayenta": kayenta.decide,
    "msprt": sequential.msprt,
    "netflix": sequential.netflix,
}


def available() -> tuple[str, ...]:
    """All of them, without Tidegate's own where this tree has none yet."""
    try:
        there = hasattr(importlib.import_module("tidegate.judge"), "make_judge")
    except ImportError:
        there = False
    return tuple(name for name in POLICIES if there or name != "tidegate")
