"""Makes vLLM's own `schedule()` do what a plan says, without ever asking more of it than it would do by itself."""

from __future__ import annotations

import time
from typing import Any

from ..adapter import Counters, Ledger, Plan, PlanError
from ..adapter.ledger import Round, Tracked


class Steering:
    def __init__(self, scheduler: Any, ledger: Ledger, counters: Counters):
        self.scheduler, self.ledger, self.counters = scheduler, ledger, counters
        self.nobody_preempted = True
        #: A plan of nothing, for the time of a hold.
        self.nothing = _nothing()
        #: Waiting requests whose grammar could not be compiled: vLLM has to see them to fail them.
        self.failed: list[Any] = []
        self._budget_max = scheduler.max_num_scheduled_tokens
        self._reserve = scheduler._reserve_prefill_lookahead
        self._caps: dict[str, int] = {}
        self._requeued: set[str] = set()
        self._paused: list[Tracked] = []
        self._admitted: list[Tracked] = []
        self._chunked: list[tuple[Tracked, int]] = []
        self._draft_limits: list[tuple[Tracked, int]] = []
        self._victims: list[str] = []
        self._preempted: list[str] = []
        self._requeueing: Any = None
        self._is_active = False

    # --- before super().schedule()

    def check(self, plan: Plan) -> None:
        """What only the engine can judge. Raises PlanError; nothing was done yet."""
        known = self.ledger.known
        for handle in plan.requeue:
            if not known[handle].running:
                raise PlanError(f"requeue names {handle}, which does not run")
        for handle in plan.pause:
            if not known[handle].running:
                raise PlanError(f"pause names {handle}, which does not run")
        admitted = sum(not known[h].running for h in plan.run_h)
        places = self.scheduler.max_num_running_reqs - len(self.scheduler.running) + len(plan.requeue)
        if admitted > max(0, places):
            raise PlanError(f"{admitted} requests admitted to {places} places")

    def apply(self, plan: Plan) -> None:
        self._is_active = True
        self.nobody_preempted = True
        if plan.requeue:
            self._requeue(plan)
        paused = self._left_out(plan)
        if paused:
            self._pause(paused)
        admitted = self._limit_items(plan) if plan.run_h or self.scheduler.num_spec_tokens else []
        if plan.victims:
            self._order_victims(plan)
        if plan.budget_tokens is not None:
            self._limit_budget(plan)
        waiting = self.scheduler.waiting
        if len(waiting) > 0:
            waiting.show([*(tracked.request for tracked in admitted), *self._strangers()])
        self._admitted = admitted

    def _requeue(self, plan: Plan) -> None:
        """Voluntary preemption. The victim cannot come back in this step: the queue shows only whom the plan admits."""
        scheduler = self.scheduler
        for handle in plan.requeue:
            request = self.ledger.known[handle].request
            if request.num_in_flight_tokens or request not in scheduler.running:
                self.counters.add("requeues_refused")
                continue
            scheduler.running.remove(request)
            self._requeueing = request
            scheduler._preempt_request(request, time.monotonic())
            self._requeueing = None
            self._requeued.add(request.request_id)
            self.counters.add("requeues")

    def _left_out(self, plan: Plan) -> list[Tracked]:
        """Who runs and is not in the plan."""
        known = self.ledger.known
        if plan.decode_all:
            return [known[h] for h in plan.pause]
        out = {*plan.run_h, *plan.requeue}
        return [tracked for h, tracked in self.ledger.runners.items() if h not in out]

    def _pause(self, paused: list[Tracked]) -> None:
        """vLLM passes a running request over until the step that it names here, and leaves its blocks alone. In front
        of the batch it is nobody's victim before its turn."""
        until = self.scheduler.current_step + 2
        for tracked in paused:
            tracked.request.next_decode_eligible_step = max(tracked.request.next_decode_eligible_step, until)
        self._paused = paused
        if len(paused) < len(self.scheduler.running):
            ids = {tracked.id for tracked in paused}
            self.scheduler.running.sort(key=lambda request: request.request_id not in ids)

    def _limit_items(self, plan: Plan) -> list[Tracked]:
        """Chunks and drafts of each item. Returns whom the plan admits, in its order."""
        admitted, caps = [], self._caps
        drafts = self.scheduler.num_spec_tokens > 0
        for tracked, n, k in self.ledger.run_items(plan):
            request = tracked.request
            if not tracked.running:
                admitted.append(tracked)
                caps[tracked.id] = n
                continue
            rest = request.num_tokens + request.num_output_placeholders - request.num_computed_tokens
            if rest > n - k:
                caps[tracked.id] = n - k
                k = 0
            if drafts:
                self._limit_drafts(tracked, k)
        if drafts and plan.decode_all:
            out = {*plan.run_h, *plan.pause}
            for handle, tracked in self.ledger.runners.items():
                if handle not in out:
                    self._limit_drafts(tracked, 0)
        if caps:
            self.scheduler._reserve_prefill_lookahead = self._reserve_capped
        return admitted

    def _limit_drafts(self, tracked: Tracked, k: int) -> None:
        drafts = tracked.request.spec_token_ids
        if drafts:
            self._draft_limits.append((tracked, min(k, len(drafts))))
        if len(drafts) > k:
            # A new list: under asynchronous scheduling all requests share one list.
            tracked.request.spec_token_ids = drafts[:k]
            self.counters.add("drafts_trimmed", len(drafts) - k)

    def _reserve_capped(self, request: Any, num_computed_tokens: int, num_new_tokens: int) -> int:
        """Stands in for vLLM's method of this name, which has the last word before blocks are allocated."""
        allowed = self._reserve(request, num_computed_tokens, num_new_tokens)
        cap = self._caps.get(request.request_id)
        if cap is None or allowed <= cap:
            return allowed
        rest = request.num_tokens + request.num_output_placeholders - num_computed_tokens
        # The last part of a prompt is never cut (padded drafts hang on it), nor a prompt with encoder inputs, which
        # were chosen for the whole chunk.
        if rest <= cap or request.has_encoder_inputs:
            return allowed
        return self._reserve(request, num_computed_tokens, cap) or allowed

    def _order_victims(self, plan: Plan) -> None:
        """vLLM's victim is the last of the batch."""
        running = self.scheduler.running
        victims = [self.ledger.known[h].request for h in reversed(plan.victims)]
        places = {request.request_id: place for place, request in enumerate(victims, 1)}
        self._victims = [request.request_id for request in reversed(victims)]
        if [r.request_id for r in running[-len(victims):]] != [r.request_id for r in victims]:
            running.sort(key=lambda request: places.get(request.request_id, 0))
            self.counters.add("victims_ordered")

    def _limit_budget(self, plan: Plan) -> None:
        """Never above vLLM's own budget, never below what the plan needs: vLLM would drop the last of the batch."""
        decodes = len(self.scheduler.running) if plan.decode_all else 0
        strangers = len(self.scheduler.running) - len(self.ledger.runners)
        least = sum(plan.run_n) + decodes + max(0, strangers)
        self.scheduler.max_num_scheduled_tokens = min(self._budget_max, max(plan.budget_tokens, least, 1))

    def _strangers(self) -> list[Any]:
        """Waiting requests that the sidecar does not know keep vLLM's order, after the plan."""
        ledger = self.ledger
        if len(ledger.known) == len(ledger.tracked):
            return self.failed
        return self.failed + [request for request in self.scheduler.waiting
                if request.request_id not in ledger.tracked or ledger.tracked[request.request_id].h is None]

    def note_preempted(self, request: Any) -> bool:
        """True when the plan asked for it."""
        if request is self._requeueing:
            return True
        self.nobody_preempted = False
        self._preempted.append(request.request_id)
        return False

    # --- after super().schedule()

    def release(self) -> None:
        if not self._is_active:
            return
        self._is_active = False
        self.scheduler.waiting.show_all()
        self.scheduler.max_num_scheduled_tokens = self._budget_max
        if self._caps:
            self._chunked = list(self._caps.items())
            self._caps = {}
            del self.scheduler._reserve_prefill_lookahead

    def count(self, plan: Plan, output: Any, round_: Round | None) -> None:
        """How much of the plan was followed, verb by verb; Docs/vllm.md has a table of it."""
        counters, scheduled = self.counters, output.num_scheduled_tokens
        if round_ is None or not round_.exceptions:
            counters.add("plans_as_planned")
        for request_id, cap in self._chunked:
            ran = scheduled.get(request_id, 0) - len(output.scheduled_spec_decode_tokens.get(request_id, ()))
            if ran:
                # Who could not run at all counts under admissions or victims.
                counters.add("chunks_planned")
                counters.add("chunks_followed", ran == cap)
                counters.add("chunks_exceeded", ran > cap)
        if self._admitted:
            ran = [tracked.id in scheduled for tracked in self._admitted]
            counters.add("admissions_planned", len(ran))
            counters.add("admissions_followed", sum(ran))
            counters.add("orders_planned")
            counters.add("orders_followed", ran == sorted(ran, reverse=True))
        if self._paused:
            counters.add("pauses_planned", len(self._paused))
            counters.add("pauses_followed", sum(tracked.id not in scheduled for tracked in self._paused))
        if self._requeued:
            counters.add("requeues_planned", len(plan.requeue))
            counters.add("requeues_followed", sum(request_id not in scheduled for request_id in self._requeued))
        for tracked, limit in self._draft_limits:
            counters.add("drafts_planned")
            counters.add(
                "drafts_followed", len(output.scheduled_spec_decode_tokens.get(tracked.id, ())) <= limit)
        if self._preempted and self._victims:
            counters.add("victims_planned", min(len(self._preempted), len(self._victims)))
            counters.add("victims_followed", sum(
                a == b for a, b in zip(self._preempted, self._victims)))
        self._forget()

    def _forget(self) -> None:
        self._paused, self._admitted, self._chunked, self._draft_limits = [], [], [], []
        self._victims, self._preempted = [], []
        self._requeued = set()


def _nothing() -> Plan:
    plan = Plan()
    plan.decode_all, plan.run_h, plan.run_n, plan.run_k = False, [], [], None
    plan.pause, plan.requeue, plan.victims, plan.order = [], [], [], []
    plan.budget_tokens = plan.hold_us = None
    return plan
