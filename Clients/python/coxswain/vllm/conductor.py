"""Between vLLM's scheduler and the sidecar: asks for a plan before each step, steers `super().schedule()` by it, and
tells what came of it. Nothing in here may raise into vLLM: whatever goes wrong costs the plan, never the step."""

from __future__ import annotations

import logging
import socket
import time
import uuid
from collections import deque
from typing import Any

from vllm.v1.core.sched.async_scheduler import AsyncScheduler

from ..adapter import (
    Breaker, Counters, Ledger, Link, LinkState, Plan, PlanError, ProcessorWatch, Settings, SettingsError, read_plan)
from ..adapter.ledger import Round, Tracked
from ..paths import engine_socket
from . import describe, metadata, names, versions
from .steering import Steering

logger = logging.getLogger("vllm.coxswain")

REGISTER_WAIT_S = 0.25
LOG_INTERVAL_S = 60.0
STATS_INTERVAL_S = 1.0
PATIENCE_INTERVAL_S = 1.0
#: What differs in vLLM's classes from what is expected, judged when they were imported.
_CLASS_PROBLEMS = names.check()
#: Faults of the adapter itself after which it leaves vLLM alone for good.
FAULTS_MAX = 10


class Flight:
    """One launched iteration whose result is not there yet."""

    __slots__ = ("output", "round", "launched_s")

    def __init__(self, output: Any, round_: Round | None, launched_s: float):
        self.output, self.round, self.launched_s = output, round_, launched_s


class Launch:
    """What `schedule()` returned and nobody wrote down yet. `running`: how many ran then; None when the engine had
    preempted somebody."""

    __slots__ = ("output", "plan", "running", "at_s")

    def __init__(self, output: Any, plan: Plan | None, running: int | None, at_s: float):
        self.output, self.plan, self.running, self.at_s = output, plan, running, at_s


class Conductor:
    def __init__(self, scheduler: Any):
        options = (scheduler.vllm_config.additional_config or {})
        options = options.get("coxswain") if isinstance(options, dict) else None
        self.settings = settings = Settings.read(options)
        self.version = versions.installed()
        versions.require_tested(self.version, settings.allow_untested)
        problems = _CLASS_PROBLEMS + names.check_objects(scheduler)
        if problems:
            raise versions.UntestedVersion(f"vLLM {self.version} is not as expected: {'; '.join(problems)}")
        _require_matching_class(scheduler)
        self.scheduler = scheduler
        self.counters, self.ledger = Counters(), Ledger()
        obstacle = describe.unsupported(scheduler) if settings.enabled else "is turned off"
        self.is_on = obstacle is None
        self.server_id = settings.server_id or f"{socket.gethostname()}-{scheduler.vllm_config.instance_id}"
        self.boot_id = uuid.uuid4().hex
        self.verbs = frozenset(describe.capabilities(scheduler, settings))
        self.steering = Steering(scheduler, self.ledger, self.counters)
        self.breaker, self.processors = Breaker(settings.failures_max), ProcessorWatch()
        self.link = Link(engine_socket(settings.runtime_dir or None), self, self.counters, self._log)
        self._in_flight_max = describe.in_flight_max(scheduler)
        self._plan: Plan | None = None
        self._launch: Launch | None = None
        self._flights: deque[Flight] = deque()
        self._blocked: dict[str, Tracked] = {}
        self._hold_until_s = 0.0
        self._news = True
        self._idle_since_s: float | None = None
        self._last_result_s = 0.0
        self._faults = 0
        now_s = time.monotonic()
        self._log_at_s, self._stats_at_s, self._patience_at_s = now_s + LOG_INTERVAL_S, now_s, now_s
        self._progress: dict[str, tuple[int, int, float]] = {}
        #: Somebody waits for too long: vLLM schedules the next step by itself.
        self._is_impatient = False
        if self.is_on:
            self.link.wait_registered(REGISTER_WAIT_S)
        else:
            self._log(f"{obstacle}: vLLM schedules by itself")

    @staticmethod
    def _log(text: str) -> None:
        logger.info("coxswain: %s", text)

    # --- what the link asks for

    def register_message(self) -> dict[str, Any]:
        return describe.register_message(
            self.scheduler, self.settings, self.server_id, self.boot_id, self.version)

    def registered(self, reply: dict[str, Any]) -> None:
        limits = reply.get("mirror_limits") or {}
        mirrored = int(limits.get("running", 1024)) + int(limits.get("waiting", 100_000))
        self.ledger.open(reply["epoch"], reply.get("applied"), mirrored)

    def step_applied(self) -> None:
        self.ledger.applied()

    def step_rejected(self) -> None:
        self.ledger.rejected()

    def session_lost(self) -> None:
        self.ledger.close()
        self._hold_until_s = 0.0
        for flight in self._flights:
            flight.round = None

    # --- events of the scheduler

    def arrived(self, request: Any) -> None:
        if not self.is_on or request.request_id in self.ledger.tracked:
            return
        self.after_launch()
        try:
            # The prompt of a streaming-input session grows, which the mirror cannot follow.
            tracked = self.ledger.add(
                request, metadata.arrival_of(request, self.settings), is_told=not request.resumable)
            tracked.arrival.cached_tokens = self._cached_tokens(request)
            self._watch_blocked(tracked)
            self._news = True
        except Exception:
            self._fault()

    def ended(self, request: Any) -> None:
        if not self.is_on:
            return
        self.after_launch()
        try:
            self.ledger.remove(request.request_id, _why_ended(request))
            self._blocked.pop(request.request_id, None)
            self._progress.pop(request.request_id, None)
            self._news = True
        except Exception:
            self._fault()

    def preempted(self, request: Any) -> None:
        if not self.is_on:
            return
        self.after_launch()
        self.ledger.touch(request.request_id)
        if not self.steering.note_preempted(request):
            self.counters.add("engine_preemptions")

    def _cached_tokens(self, request: Any) -> int:
        """Prefix tokens in the cache now: a hint for order and cost. vLLM looks again, and counts, when it admits."""
        manager = self.scheduler.kv_cache_manager
        if not request.block_hashes or not manager.prefix_cache_lookup_enabled(request):
            return 0
        return manager.coordinator.find_longest_cache_hit(request.block_hashes, request.num_tokens - 1)[1]

    def _watch_blocked(self, tracked: Tracked) -> None:
        why = _why_blocked(self.scheduler, tracked.request)
        self.ledger.set_blocked(tracked, why)
        if why is not None:
            self._blocked[tracked.id] = tracked

    def _refresh_blocked(self) -> None:
        for request_id, tracked in list(self._blocked.items()):
            why = _why_blocked(self.scheduler, tracked.request)
            self.ledger.set_blocked(tracked, why)
            if why is None:
                del self._blocked[request_id]
                self._news = True
            elif why == "grammar" and tracked.request.structured_output_request is not None:
                if isinstance(tracked.request.structured_output_request.grammar, Exception):
                    self.steering.failed.append(tracked.request)

    # --- before vLLM schedules

    def before_schedule(self) -> None:
        """Asks for a plan and steers by it. Returns in time whatever the sidecar does."""
        if not self.is_on:
            return
        self.after_launch()
        began_s = time.monotonic()
        deadline_s = began_s + self.settings.deadline_ms / 1000
        try:
            self._plan = self._ask(began_s, deadline_s)
            if self._plan is not None:
                self.steering.apply(self._plan)
        except Exception:
            self._fault()
        took_us = int((time.monotonic() - began_s) * 1e6)
        self.counters.took(took_us, self.settings.deadline_ms * 1000 + 1000)

    def _ask(self, now_s: float, deadline_s: float) -> Plan | None:
        reason = self._own_reason(now_s)
        if reason is not None:
            self.counters.add("own_" + reason)
            return None
        if now_s < self._hold_until_s and not self._news:
            self.counters.add("held")
            return self.steering.nothing
        self.steering.failed = []
        if self._blocked:
            self._refresh_blocked()
        ledger, scheduler = self.ledger, self.scheduler
        self._news = False
        message = ledger.build(
            int(now_s * 1e6), now_s, [scheduler.kv_cache_manager.block_pool.get_num_free_blocks()], scheduler.running)
        self.counters.add("steps")
        reply = self.link.step(message, deadline_s)
        if reply is None:
            self._no_reply()
            return None
        if "plan" not in reply:
            self.counters.add("own_sync")
            return None
        return self._read(reply["plan"], now_s)

    def _no_reply(self) -> None:
        if self.link.state is LinkState.LATE:
            self.breaker.failed(time.monotonic())
            self.counters.add("own_late")
        elif self.link.state is LinkState.READY:
            # The sidecar itself found that the deadline was over.
            self.breaker.failed(time.monotonic())
            self.counters.add("own_dropped")
        else:
            self.counters.add("own_lost")

    def _read(self, body: Any, now_s: float) -> Plan | None:
        try:
            plan = read_plan(
                body, self.ledger.known, self.verbs, self.scheduler.max_num_scheduled_tokens,
                self.scheduler.num_spec_tokens)
            self.steering.check(plan)
        except PlanError as error:
            self.counters.add("invalid_plans")
            self.counters.add("own_invalid")
            self.breaker.failed(time.monotonic())
            if self.counters["invalid_plans"] <= FAULTS_MAX:
                self._log(f"unusable plan: {error}")
            return None
        if not plan.is_empty:
            self.breaker.succeeded()
        self.counters.add("plans")
        self._hold_until_s = now_s + plan.hold_us / 1e6 if plan.hold_us and plan.is_empty else 0.0
        return plan

    def _own_reason(self, now_s: float) -> str | None:
        """Why vLLM schedules this step by itself; None when the sidecar shall be asked."""
        if not self.link.poll(now_s) or self.ledger.epoch is None:
            return "down"
        if self.ledger.needs_restart:
            self.link.restart(self.ledger.needs_restart)
            return "down"
        if self._is_impatient:
            self._is_impatient = False
            return "patience"
        if self.breaker.is_open(now_s):
            return "breaker"
        if self.scheduler.pause_state.value:
            return "engine_paused"
        if self.ledger.in_flight() >= self._in_flight_max:
            return "in_flight"
        if self._idle_since_s is not None and (now_s - self._idle_since_s) * 1000 > self.settings.stall_ms:
            # Plans of nothing while somebody waits: vLLM goes on alone for a while, each time for longer.
            self._idle_since_s = now_s
            self.breaker.trip(now_s)
            return "stall"
        return None

    def _somebody_starves(self, now_s: float) -> bool:
        """Whether a request made no progress for longer than `patience_s`: then vLLM's own order gets one step, and
        more of them when the request had begun (plans that preempt it over and over, or never let it go on). Progress
        is one more output token, or more of its tokens computed than ever since the last. O(requests): it takes longer
        than a Step, so nobody must wait for it."""
        progress, starving = {}, False
        for request_id, tracked in self.ledger.tracked.items():
            request = tracked.request
            output, computed = request.num_output_tokens, request.num_computed_tokens
            before = self._progress.get(request_id)
            if before is None or output > before[0] or computed > before[1]:
                progress[request_id] = (output, computed, now_s)
                continue
            progress[request_id] = before
            if now_s - before[2] > self.settings.patience_s and tracked.blocked is None:
                starving = True
                if before[0] or before[1]:
                    self.breaker.trip(now_s)
        self._progress = progress
        return starving

    # --- after

    def release(self) -> None:
        """Takes all steering back, whether or not `super().schedule()` returned."""
        self.steering.release()

    def after_schedule(self, output: Any) -> None:
        """What came of the plan is written down later, when the model runs already."""
        if not self.is_on:
            return
        running = len(self.scheduler.running) if self.steering.nobody_preempted else None
        self._launch = Launch(output, self._plan, running, time.monotonic())
        self._plan = None

    def after_launch(self) -> None:
        """Writes down what was scheduled last. Called before anything else happens to a request; nothing if it is
        written down already."""
        launch, self._launch = self._launch, None
        if launch is None or not self.is_on:
            return
        try:
            self._write_down(launch)
            if launch.at_s >= self._patience_at_s:
                self._patience_at_s = launch.at_s + PATIENCE_INTERVAL_S
                self._is_impatient = self._somebody_starves(launch.at_s)
            self.processors.look(launch.at_s)
            self.link.looks = not self.processors.is_crowded(launch.at_s)
        except Exception:
            self._fault()
        self._report(launch.at_s)

    def _write_down(self, launch: Launch) -> None:
        output, plan, scheduled = launch.output, launch.plan, launch.output.num_scheduled_tokens
        if plan is None or self.ledger.epoch is None or plan is self.steering.nothing:
            round_ = self.ledger.ran_own(scheduled)
        else:
            round_ = self.ledger.ran_plan(plan, scheduled, output.scheduled_spec_decode_tokens, launch.running)
            self.steering.count(plan, output, round_)
            self._note_blocked(round_)
        if scheduled:
            self._flights.append(Flight(output, round_, launch.at_s))
        self._note_idle(plan, scheduled, launch.at_s)

    def _note_blocked(self, round_: Round | None) -> None:
        """A planned request that did not run may have begun to wait for something."""
        if round_ is not None and round_.exceptions:
            for handle, (ran, _) in round_.exceptions.items():
                tracked = self.ledger.known.get(handle)
                if not ran and tracked is not None:
                    self._watch_blocked(tracked)

    def _note_idle(self, plan: Plan | None, scheduled: dict[str, int], now_s: float) -> None:
        if scheduled or plan is None or self._flights or not self.scheduler.has_unfinished_requests():
            self._idle_since_s = None
        elif self._idle_since_s is None:
            self._idle_since_s = now_s

    def before_update(self, output: Any, result: Any) -> None:
        """A result came: what it cost, and which drafts were accepted. vLLM schedules when it is through with it: the
        sidecar may wake up meanwhile."""
        if not self.is_on:
            return
        self.after_launch()
        try:
            if self._announces(time.monotonic()):
                self.link.announce()
                self.counters.add("announced")
            self._result(output, result)
        except Exception:
            self._fault()

    def _announces(self, now_s: float) -> bool:
        """An awake sidecar answers sooner; where processors are short it would be awake on one that somebody needs."""
        choice = self.settings.announce
        if choice == "off" or (choice == "auto" and self.processors.is_crowded(now_s)):
            return False
        return self.ledger.epoch is not None and not self.breaker.is_open(now_s)

    def _result(self, output: Any, result: Any) -> None:
        flights = self._flights
        while flights and flights[0].output is not output:
            if not any(flight.output is output for flight in flights):
                return
            # vLLM takes results in order: one that was passed over will never come.
            self._settle(flights.popleft(), {}, None)
        if not flights:
            return
        flight = flights.popleft()
        accepted = {}
        if flight.round is not None and flight.round.drafting and result.sampled_token_ids:
            for item in flight.round.drafting:
                index = result.req_id_to_index.get(item[0].id) if item is not None else None
                if index is not None:
                    accepted[item[0].id] = max(0, len(result.sampled_token_ids[index]) - 1)
        self._settle(flight, accepted, sum(map(len, result.sampled_token_ids)))
        self._news = True

    def _settle(self, flight: Flight, accepted: dict[str, int], samples: int | None) -> None:
        now_s = time.monotonic()
        elapsed_us = int((now_s - max(flight.launched_s, self._last_result_s)) * 1e6)
        self._last_result_s = now_s
        if flight.round is not None:
            self.ledger.result(flight.round, max(0, elapsed_us), accepted, samples)

    # --- faults and reports

    def _fault(self) -> None:
        """Something that must not happen: the session starts anew, and after too many vLLM is left alone for good."""
        self._faults += 1
        self.counters.add("faults")
        logger.exception("coxswain: fault %d of at most %d; vLLM schedules by itself", self._faults, FAULTS_MAX)
        self._plan = None
        self.steering.release()
        try:
            self.link.restart("fault of the adapter")
        except Exception:
            self._faults = FAULTS_MAX
        if self._faults >= FAULTS_MAX:
            self.is_on = False
            self.link.close()

    def _report(self, now_s: float) -> None:
        if self.settings.stats_file and now_s >= self._stats_at_s:
            self._stats_at_s = now_s + STATS_INTERVAL_S
            self.write_stats()
        if now_s >= self._log_at_s:
            self._log_at_s = now_s + LOG_INTERVAL_S
            counters = self.counters
            self._log(
                f"{counters['steps']} steps, {counters['plans']} plans, {counters['plans_as_planned']} carried out to "
                f"the letter, {counters['own_late']} late; p99 {counters.percentile_us(0.99)} us per step")

    def write_stats(self) -> None:
        extra = {"server_id": self.server_id, "state": self.link.state.value, "healed": self.ledger.healed,
                 "breaker_opened": self.breaker.opened}
        try:
            self.counters.write(self.settings.stats_file, extra)
        except OSError as error:
            self._log(f"stats file: {error}")
            self._stats_at_s = float("inf")

    def close(self) -> None:
        self.after_launch()
        if self.settings.stats_file and self.is_on:
            self.write_stats()
        self.is_on = False
        self.link.close()


def _require_matching_class(scheduler: Any) -> None:
    """A synchronous scheduler class would take the overlap of steps from an asynchronous engine."""
    if describe.is_async(scheduler) and not isinstance(scheduler, AsyncScheduler):
        raise SettingsError(
            "asynchronous scheduling is on: use --scheduler-cls coxswain.vllm.CoxswainAsyncScheduler, or "
            "--no-async-scheduling")


_BLOCKED = {
    "WAITING_FOR_STRUCTURED_OUTPUT_GRAMMAR": "grammar", "WAITING_FOR_REMOTE_KVS": "remote_kv",
    "WAITING_FOR_STREAMING_REQ": "streaming_input",
}
_ENDED = {
    "FINISHED_STOPPED": "stop", "FINISHED_LENGTH_CAPPED": "length", "FINISHED_ABORTED": "abort",
    "FINISHED_ERROR": "error", "FINISHED_REPETITION": "stop",
}


def _why_blocked(scheduler: Any, request: Any) -> str | None:
    why = _BLOCKED.get(request.status.name)
    if why == "grammar":
        waits_for = request.structured_output_request
        grammar = waits_for.grammar if waits_for is not None else None
        return why if grammar is None or isinstance(grammar, Exception) else None
    if why == "remote_kv":
        return None if request.request_id in scheduler.finished_recving_kv_req_ids else why
    return why


def _why_ended(request: Any) -> str:
    return _ENDED.get(request.status.name, "other")
