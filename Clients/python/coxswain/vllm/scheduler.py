"""vLLM's schedulers under Coxswain. vLLM keeps its block manager, connectors and output structures: all that happens
here is that `super().schedule()` is steered before it runs, and that what it did is told afterwards."""

from __future__ import annotations

from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler
from vllm.v1.core.sched.output import SchedulerOutput
from vllm.v1.core.sched.scheduler import Scheduler
from vllm.v1.request import Request

from .conductor import Conductor
from .queue import planned_queue


class CoxswainMixin:
    """Goes before one of vLLM's scheduler classes."""

    #: None until `__init__` is over.
    coxswain: Conductor | None = None

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.waiting = planned_queue(self.policy, self.waiting)
        self.coxswain = Conductor(self)

    def schedule(self, *args: Any, **kwargs: Any) -> SchedulerOutput:
        conductor = self.coxswain
        if conductor is None or not conductor.is_on:
            return super().schedule(*args, **kwargs)
        conductor.before_schedule()
        try:
            output = super().schedule(*args, **kwargs)
        finally:
            conductor.release()
        conductor.after_schedule(output)
        return output

    def get_grammar_bitmask(self, scheduler_output: SchedulerOutput) -> Any:
        # vLLM asks for it between the launch of an iteration and its result: the model runs already.
        if self.coxswain is not None:
            self.coxswain.after_launch()
        return super().get_grammar_bitmask(scheduler_output)

    def update_from_output(self, scheduler_output: SchedulerOutput, model_runner_output: Any) -> Any:
        if self.coxswain is not None:
            self.coxswain.before_update(scheduler_output, model_runner_output)
        return super().update_from_output(scheduler_output, model_runner_output)

    def add_request(self, request: Request) -> None:
        super().add_request(request)
        if self.coxswain is not None:
            self.coxswain.arrived(request)

    def _free_request(self, request: Request, *args: Any, **kwargs: Any) -> Any:
        if self.coxswain is not None:
            self.coxswain.ended(request)
        return super()._free_request(request, *args, **kwargs)

    def _preempt_request(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super()._preempt_request(request, *args, **kwargs)
        if self.coxswain is not None:
            self.coxswain.preempted(request)

    def shutdown(self) -> None:
        if self.coxswain is not None:
            self.coxswain.close()
        super().shutdown()


class CoxswainScheduler(CoxswainMixin, Scheduler):
    """For engines that schedule one iteration at a time: CPU, and GPUs with --no-async-scheduling."""


class CoxswainAsyncScheduler(CoxswainMixin, AsyncScheduler):
    """For engines with asynchronous scheduling, vLLM's default on GPUs."""
