"""Coxswain for vLLM: `vllm serve MODEL --scheduler-cls coxswain.vllm.CoxswainScheduler` (Docs/vllm.md).

`CoxswainScheduler` extends vLLM's `Scheduler`, `CoxswainAsyncScheduler` its `AsyncScheduler`. Both are imported when
they are asked for, so that a version of vLLM outside the tested range is refused with a sentence, not with a traceback
from the middle of an import.
"""

from typing import Any

__all__ = ["CoxswainAsyncScheduler", "CoxswainScheduler", "HeaderMiddleware"]


def __getattr__(name: str) -> Any:
    if name in ("CoxswainScheduler", "CoxswainAsyncScheduler"):
        from . import versions
        versions.require_tested()
        from . import scheduler
        return getattr(scheduler, name)
    if name == "HeaderMiddleware":
        from .middleware import HeaderMiddleware
        return HeaderMiddleware
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
