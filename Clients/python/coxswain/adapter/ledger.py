"""What the sidecar knows about this engine, and the Steps that keep it true (Docs/wire.md, session rules 5 to 13).

The ledger repeats the sidecar's mirror: for each request it holds the `computed`, `output` and `running` that the
sidecar believes. Before a Step is sent, the engine's own numbers are compared with that; whatever differs, for whatever
cause, is told as absolute `state`. So a cause that nobody thought of costs a few bytes, not the session.
"""

from __future__ import annotations

import itertools
from collections import OrderedDict, deque
from typing import Any, Iterable, Mapping, Protocol, Sequence

from .plan import Plan

ARRIVALS_MAX = 256
NAMES_MAX = 4096
HANDLES_END = 1 << 32
SETTLED_MAX = 16
#: Tenants whose tokens are remembered while no sidecar is there; what others use is charged to one name.
TENANTS_OWED_MAX = 1024
OTHER_TENANTS = "(other tenants)"
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class EngineRequest(Protocol):
    """What the ledger reads of the engine's own request."""

    request_id: str
    num_computed_tokens: int
    num_output_tokens: int


class Arrival:
    """What the sidecar is told about a request when it arrives. `arrived_s`: on the clock of `Ledger.build`."""

    __slots__ = ("tenant", "request_class", "adapter", "prompt", "max_output", "arrived_s", "cached_tokens",
                 "ttft_slo_ms", "tpot_slo_ms")

    def __init__(
            self, tenant: str, request_class: str, prompt: int, max_output: int, arrived_s: float,
            adapter: str | None = None, ttft_slo_ms: int = 0, tpot_slo_ms: int = 0):
        self.tenant, self.request_class, self.adapter = tenant, request_class, adapter
        self.prompt, self.max_output, self.arrived_s = prompt, max_output, arrived_s
        self.ttft_slo_ms, self.tpot_slo_ms = ttft_slo_ms, tpot_slo_ms
        self.cached_tokens = 0


class Tracked:
    """One live request. `h` is None while the sidecar does not know it. `computed` and `output` are what the sidecar
    believes, less the ledger's `lift` while `running`."""

    __slots__ = ("request", "id", "arrival", "is_told", "h", "computed", "output", "running", "blocked")

    def __init__(self, request: EngineRequest, arrival: Arrival, is_told: bool):
        self.request, self.id, self.arrival, self.is_told = request, request.request_id, arrival, is_told
        self.h: int | None = None
        self.computed = self.output = 0
        self.running = False
        self.blocked: str | None = None

    def actual(self) -> tuple[int, int]:
        """(computed, output) now. Output counts tokens that launched work will produce (session rule 8)."""
        computed = self.request.num_computed_tokens
        return computed, max(self.request.num_output_tokens, computed + 1 - self.arrival.prompt)


class Round:
    """What became of the plan that answered one Step."""

    __slots__ = ("seq", "mode", "iterations", "outstanding", "elapsed_us", "drafting", "planned_drafts", "accepted",
                 "exceptions", "executed", "samples")

    def __init__(self, seq: int):
        self.seq, self.mode, self.iterations, self.outstanding, self.elapsed_us = seq, "none", 0, 0, 0
        #: Output tokens that the result must have if all goes as believed; None when that is not known.
        self.samples: int | None = None
        #: Items planned with drafts, in plan order: the request and the drafts really verified; None for exceptions.
        self.drafting: list[tuple[Tracked, int] | None] = []
        self.planned_drafts: list[int] = []
        self.accepted: list[int] = []
        self.exceptions: dict[int, tuple[int, str]] = {}
        #: Tokens computed by request id; only of requests that the sidecar knows.
        self.executed: Mapping[str, int] = {}


class Ledger:
    #: Everybody who runs is compared with what the sidecar believes once in so many Steps.
    COMPARE_EVERY = 128

    def __init__(self):
        self.tracked: dict[str, Tracked] = {}
        self.known: dict[int, Tracked] = {}
        self.epoch: int | None = None
        self.seq = 0
        self.last_applied: dict[str, int] | None = None
        #: Iterations in which every running request decoded one token, since the epoch began.
        self.lift = 0
        #: Who runs, as the sidecar believes.
        self.runners: dict[int, Tracked] = {}
        self.needs_restart = ""
        self.healed = 0
        self._untracked_owed: dict[str, int] = {}
        self._pending: tuple[int, int, Mapping[str, int], dict[str, int]] | None = None
        self._gone: dict[str, Tracked] = {}
        self._reset()

    def _reset(self) -> None:
        self.known.clear()
        self.runners.clear()
        self.lift = self.seq = 0
        self.is_syncing = False
        self._computed = self._output = 0
        self._names: dict[str, int] = {}
        self._new_names: list[str] = []
        self._next_handle = 1
        self._freed: deque[tuple[int, int]] = deque()
        self._new: OrderedDict[str, Tracked] = OrderedDict()
        self._removed: list[tuple[Tracked, str]] = []
        self._touched: dict[str, Tracked] = {}
        self._block_news: dict[int, Tracked] = {}
        self._blocked: set[int] = set()
        self.round = Round(0)
        self.unsettled: OrderedDict[int, Round] = OrderedDict()
        self._spots: Iterable[int] = iter(())
        self._is_certain = False
        self._tracked_max = 0

    # --- requests

    def add(self, request: EngineRequest, arrival: Arrival, is_told: bool = True) -> Tracked:
        """`is_told` False: the sidecar never hears of it, only its tokens are charged (session rule 19)."""
        tracked = self.tracked[request.request_id] = Tracked(request, arrival, is_told)
        if is_told:
            self._new[tracked.id] = tracked
        return tracked

    def remove(self, request_id: str, why: str) -> None:
        tracked = self.tracked.pop(request_id, None)
        if tracked is None:
            return
        self._touched.pop(request_id, None)
        if tracked.h is None:
            self._new.pop(request_id, None)
        else:
            self._gone[request_id] = tracked
            self._removed.append((tracked, why))

    def touch(self, request_id: str) -> None:
        """The request may differ from what the sidecar believes although it does not run now."""
        tracked = self.tracked.get(request_id)
        if tracked is not None and tracked.h is not None:
            self._touched[request_id] = tracked

    def set_blocked(self, tracked: Tracked, why: str | None) -> None:
        """`why`: grammar, remote_kv, encoder or streaming_input; None when the request may run again."""
        if (tracked.blocked is None) == (why is None):
            return
        tracked.blocked = why
        if tracked.h is not None:
            self._block_news[tracked.h] = tracked

    # --- epochs

    def close(self) -> None:
        """The session ended: nothing that the sidecar was told counts any more, work that was not told is owed."""
        if self.epoch is None:
            return
        self._owe(self._by_tenant(self.round.executed))
        if self._pending:
            epoch, seq, executed, paid = self._pending
            tokens = self._by_tenant(executed)
            for tenant, count in paid.items():
                tokens[tenant] = tokens.get(tenant, 0) + count
            self._pending = (epoch, seq, {}, tokens)
        for tracked in self.tracked.values():
            tracked.h = None
            tracked.running = False
        self.epoch = None
        self._reset()
        self._gone.clear()

    def open(self, epoch: int, applied: Any, tracked_max: int) -> None:
        """Register was answered: the sidecar knows nothing yet. `applied` tells what became of the last Step."""
        self.close()
        pending, self._pending = self._pending, None
        if pending and applied == {"epoch": pending[0], "seq": pending[1]}:
            self.last_applied = applied
        elif pending:
            self._owe(pending[3])
        self._reset()
        self.needs_restart = ""
        self.epoch, self.is_syncing, self._tracked_max = epoch, True, tracked_max
        self._new = OrderedDict((i, tracked) for i, tracked in self.tracked.items() if tracked.is_told)

    def applied(self) -> None:
        """The Step sent last counts."""
        if self._pending:
            self.last_applied = {"epoch": self._pending[0], "seq": self._pending[1]}
            self._pending = None
        if self._gone:
            # Those whose end was told; the others may still have tokens to be told of.
            self._gone = {tracked.id: tracked for tracked, _ in self._removed}

    def rejected(self) -> None:
        """The Step sent last does not count: what it told is owed again."""
        if self._pending:
            self._owe(self._by_tenant(self._pending[2]))
            self._owe(self._pending[3])
            self._pending = None

    def _owe(self, tokens: Mapping[str, int]) -> None:
        owed = self._untracked_owed
        for tenant, count in tokens.items():
            if tenant not in owed and len(owed) >= TENANTS_OWED_MAX:
                tenant = OTHER_TENANTS
            owed[tenant] = owed.get(tenant, 0) + count

    def _by_tenant(self, executed: Mapping[str, int]) -> dict[str, int]:
        tokens: dict[str, int] = {}
        for request_id, count in executed.items():
            tracked = self.tracked.get(request_id) or self._gone.get(request_id)
            if tracked is not None:
                tenant = tracked.arrival.tenant
                tokens[tenant] = tokens.get(tenant, 0) + count
        return tokens

    # --- work

    def ran_own(self, scheduled: Mapping[str, int]) -> Round | None:
        """The engine's own scheduler ran one iteration. Returns the round that its result belongs to."""
        if self.epoch is None or self.seq == 0:
            self._owe(self._by_tenant(scheduled))
            return None
        if not scheduled:
            return None
        self._is_certain = False
        round_ = self.round
        if round_.mode == "plan":
            self._withdraw_plan(round_)
        round_.mode = "fallback"
        round_.iterations += 1
        return self._launch(round_, scheduled)

    def _withdraw_plan(self, round_: Round) -> None:
        """Other work follows on a plan before the next Step: all of it is told as work of the engine's own, and the
        effects that were expected of the plan as absolute state."""
        for request_id in round_.executed:
            self.touch(request_id)
        round_.iterations += bool(round_.executed)
        round_.drafting, round_.planned_drafts, round_.accepted, round_.exceptions = [], [], [], {}

    def _launch(self, round_: Round, scheduled: Mapping[str, int], all_known: bool = False) -> Round:
        if not all_known:
            strangers = [i for i in scheduled if i not in self.tracked or self.tracked[i].h is None]
            if strangers:
                self._owe(self._by_tenant({i: scheduled[i] for i in strangers}))
                scheduled = {i: n for i, n in scheduled.items() if i not in set(strangers)}
        if round_.executed:
            sums = dict(round_.executed)
            for request_id, count in scheduled.items():
                sums[request_id] = sums.get(request_id, 0) + count
            scheduled = sums
        round_.executed = scheduled
        round_.outstanding += 1
        self.unsettled[round_.seq] = round_
        return round_

    def ran_plan(
            self, plan: Plan, scheduled: Mapping[str, int], drafts: Mapping[str, Sequence[int]],
            running: int | None) -> Round | None:
        """The plan was launched, as far as `scheduled` (tokens by request id) and `drafts` tell. Returns the round that
        its result belongs to; None for a plan without work of which nothing ran. `running`: how many run now; None when
        somebody lost its place in the batch meanwhile, other than by the plan's verbs."""
        round_ = self.round
        round_.mode = "plan"
        for handle in plan.requeue:
            tracked = self.known[handle]
            self._believe(tracked, 0, self._believed(tracked)[1], False)
            self._touched[tracked.id] = tracked
        if plan.decode_all:
            if running is not None and self._ran_decodes_as_planned(plan, round_, scheduled, drafts, running):
                return self._launch(round_, scheduled, all_known=True)
            items = self._decodes(plan) + self.run_items(plan)
        else:
            items = self.run_items(plan)
        self._is_certain = False
        for tracked, n, k in items:
            self._settle_item(round_, tracked, n, k, scheduled.get(tracked.id, 0), len(drafts.get(tracked.id, ())))
        if len(items) != len(scheduled) or round_.exceptions:
            self._note_unplanned(round_, {tracked.id for tracked, _, _ in items}, scheduled)
        if not items and not scheduled:
            return None
        if not items and round_.exceptions:
            # An empty plan settles at once, so what ran besides it is the engine's own.
            round_.mode, round_.iterations, round_.exceptions = "fallback", 1, {}
        if scheduled:
            return self._launch(round_, scheduled)
        self.unsettled[round_.seq] = round_
        return round_

    def _ran_decodes_as_planned(
            self, plan: Plan, round_: Round, scheduled: Mapping[str, int], drafts: Mapping[str, Sequence[int]],
            running: int) -> bool:
        """The usual iteration: everybody who runs decodes one token, a few do something else. Costs O(those few): when
        nobody left the batch and only whom the plan admits came in, the numbers of requests and tokens tell that the
        rest did what was planned."""
        runners = self.runners
        if self._blocked and not self._blocked.isdisjoint(runners):
            return False
        others = [runners[h] for h in (*plan.run_h, *plan.pause) if h in runners]
        decodes = len(runners) - len(others)
        run = self.run_items(plan)
        admitted = sum(not tracked.running for tracked, _, _ in run)
        if len(scheduled) != decodes + len(run) or running != len(runners) + admitted:
            return False
        tokens = drafted = 0
        for tracked, n, k in run:
            ran, verified = scheduled.get(tracked.id, 0), len(drafts.get(tracked.id, ()))
            if not self._is_exact(tracked, n, k, ran, verified):
                return False
            tokens += ran
            drafted += verified > 0
        if drafted != len(drafts) or sum(scheduled.values()) - tokens != decodes:
            return False
        output = self._output
        self.lift += 1
        self._computed += decodes
        self._output += decodes
        for tracked in others:
            tracked.computed -= 1
            tracked.output -= 1
        for tracked, n, k in run:
            self._settle_item(round_, tracked, n, k, scheduled[tracked.id], len(drafts.get(tracked.id, ())))
        round_.samples = self._output - output if not drafted else None
        return True

    def _decodes(self, plan: Plan) -> list[tuple[Tracked, int, int]]:
        """Who decodes one token by `decode:"all"`. Their order matters to nobody: they have no drafts."""
        out = {*plan.run_h, *plan.pause, *plan.requeue}
        return [(tracked, 1, 0) for h, tracked in self.runners.items() if h not in out and tracked.blocked is None]

    def run_items(self, plan: Plan) -> list[tuple[Tracked, int, int]]:
        """The plan's explicit work in plan order: whom, tokens, drafts among them."""
        known = self.known
        return [(known[h], n, k) for h, n, k in zip(plan.run_h, plan.run_n, plan.run_k or itertools.repeat(0))]

    def _is_exact(self, tracked: Tracked, n: int, k: int, ran: int, drafted: int) -> bool:
        lift = self.lift if tracked.running else 0
        return (ran > 0 and ran - drafted == n - k and drafted <= k
                and tracked.request.num_computed_tokens - ran == tracked.computed + lift)

    def _settle_item(self, round_: Round, tracked: Tracked, n: int, k: int, ran: int, drafted: int) -> None:
        exact = self._is_exact(tracked, n, k, ran, drafted)
        if k:
            round_.planned_drafts.append(k)
            round_.drafting.append((tracked, drafted) if exact else None)
        computed, output = self._believed(tracked)
        if not exact:
            self._except(round_, tracked, ran, self._cause(tracked, ran, computed))
            return
        if n - k == tracked.arrival.prompt + output - computed:
            output += 1 + drafted
        self._believe(tracked, computed + ran, output, True)

    def _note_unplanned(self, round_: Round, planned: set[str], scheduled: Mapping[str, int]) -> None:
        for request_id, tokens in scheduled.items():
            tracked = self.tracked.get(request_id)
            if request_id not in planned and tracked is not None and tracked.h is not None:
                self._except(round_, tracked, tokens, "admitted")

    @staticmethod
    def _cause(tracked: Tracked, ran: int, computed: int) -> str:
        if tracked.blocked is not None:
            return tracked.blocked if tracked.blocked in ("grammar", "remote_kv", "encoder") else "other"
        if not ran:
            return "kv"
        return "cached" if tracked.request.num_computed_tokens - ran != computed else "partial"

    def _except(self, round_: Round, tracked: Tracked, ran: int, why: str) -> None:
        round_.exceptions[tracked.h] = (ran, why)
        self._touched[tracked.id] = tracked

    def result(self, round_: Round, elapsed_us: int, accepted: Mapping[str, int], samples: int | None) -> None:
        """The oldest launch of a round came back with so many output tokens. `accepted`: drafts by request id."""
        if samples is None or samples != round_.samples:
            self._is_certain = False
        round_.outstanding -= 1
        round_.elapsed_us += elapsed_us
        for item in round_.drafting:
            if item is None:
                round_.accepted.append(0)
                continue
            tracked, drafted = item
            taken = min(drafted, accepted.get(tracked.id, 0))
            round_.accepted.append(taken)
            if drafted > taken and tracked.h is not None:
                computed, output = self._believed(tracked)
                self._believe(tracked, computed - drafted + taken, output - drafted + taken, tracked.running)
                self._touched[tracked.id] = tracked

    def in_flight(self) -> int:
        """Rounds that the next Step could not settle yet."""
        return sum(round_.outstanding > 0 for round_ in self.unsettled.values()) if self.unsettled else 0

    # --- what the sidecar believes

    def _believed(self, tracked: Tracked) -> tuple[int, int]:
        lift = self.lift if tracked.running else 0
        return tracked.computed + lift, tracked.output + lift

    def _believe(self, tracked: Tracked, computed: int, output: int, running: bool) -> None:
        before = self._believed(tracked)
        self._computed += computed - before[0]
        self._output += output - before[1]
        if running != tracked.running:
            if running:
                self.runners[tracked.h] = tracked
            else:
                del self.runners[tracked.h]
            tracked.running = running
        lift = self.lift if running else 0
        tracked.computed, tracked.output = computed - lift, output - lift

    # --- the Step

    def build(
            self, now_us: int, now_s: float, free_blocks: list[int], running: Sequence[EngineRequest]
    ) -> dict[str, Any]:
        """The next Step: one net state of everything since the last one."""
        self.seq += 1
        told = self.round
        oldest = next(iter(self.unsettled), self.seq)
        message: dict[str, Any] = {
            "epoch": self.epoch, "seq": self.seq, "now_us": now_us, "kv_free_blocks": free_blocks}
        arrivals = self._put_arrived(message, now_s, running, oldest) if self._new or self.is_syncing else ()
        paid: dict[str, int] = {}
        if told.mode != "plan" or told.exceptions or told.planned_drafts:
            self._put_launched(message, told)
        if self.unsettled:
            self._put_settled(message)
        self._put_state(message, running, arrivals)
        if self._removed:
            self._put_removed(message)
        if self._block_news:
            self._put_blocked(message)
        if self._untracked_owed:
            self._put_untracked(message, paid)
        if self._new_names:
            message["names"], self._new_names = self._new_names, []
        message["check"] = [
            len(self.runners), len(self.known) - len(self.runners), len(self._blocked), self._computed, self._output]
        self._pending = (self.epoch, self.seq, told.executed, paid)
        self.round = Round(self.seq)
        return message

    def _put_arrived(
            self, message: dict[str, Any], now_s: float, running: Sequence[EngineRequest], oldest: int
    ) -> list[Tracked]:
        room = max(0, min(ARRIVALS_MAX, self._tracked_max - len(self.known)))
        new = self._new
        runs = [new[request.request_id] for request in running if request.request_id in new]
        if self.is_syncing and len(runs) > room:
            message["sync"] = True
        self.is_syncing = "sync" in message
        chosen = runs[:room]
        if len(chosen) < room:
            running_ids = {tracked.id for tracked in chosen}
            others = (tracked for tracked in new.values() if tracked.id not in running_ids)
            chosen += itertools.islice(others, room - len(chosen))
        if not chosen:
            return []
        for tracked in chosen:
            del new[tracked.id]
            tracked.computed, tracked.output, tracked.running = 0, 0, False
            tracked.h = self._handle(oldest)
            self.known[tracked.h] = tracked
            if tracked.blocked is not None:
                self._block_news[tracked.h] = tracked
        message["arrived"] = self._columns(chosen, now_s)
        return chosen

    def _columns(self, chosen: list[Tracked], now_s: float) -> dict[str, list[Any]]:
        arrivals = [tracked.arrival for tracked in chosen]
        columns = {
            "h": [tracked.h for tracked in chosen], "id": [tracked.id[:256] for tracked in chosen],
            "tenant": [self._name(a.tenant) for a in arrivals],
            "class": [self._name(a.request_class) for a in arrivals],
            "prompt": [a.prompt for a in arrivals], "max_output": [a.max_output for a in arrivals],
            "age_us": [int((now_s - a.arrived_s) * 1e6) for a in arrivals]}
        if any(a.adapter is not None for a in arrivals):
            columns["adapter"] = [-1 if a.adapter is None else self._name(a.adapter) for a in arrivals]
        for field in ("cached_tokens", "ttft_slo_ms", "tpot_slo_ms"):
            if any(getattr(a, field) for a in arrivals):
                columns[field] = [getattr(a, field) for a in arrivals]
        return columns

    def _name(self, name: str) -> int:
        index = self._names.get(name)
        if index is None:
            if len(self._names) >= NAMES_MAX:
                # The table starts anew with the next session; until then the last name stands for all others.
                self.needs_restart = "the session's table of names is full"
                return NAMES_MAX - 1
            index = self._names[name] = len(self._names)
            self._new_names.append(name)
        return index

    def _handle(self, oldest: int) -> int:
        """A handle that may be given now: all plans before its removal were settled in an earlier Step."""
        if self._freed and self._freed[0][0] < self.seq and self._freed[0][0] <= oldest:
            return self._freed.popleft()[1]
        handle = self._next_handle
        self._next_handle += 1
        if self._next_handle == HANDLES_END:
            self.needs_restart = "all handles were used"
        return handle

    def _put_launched(self, message: dict[str, Any], told: Round) -> None:
        if told.mode == "plan":
            launched: dict[str, Any] = {"seq": told.seq}
            if told.exceptions:
                launched["x"] = {
                    "h": list(told.exceptions), "n": [n for n, _ in told.exceptions.values()],
                    "why": [why for _, why in told.exceptions.values()]}
            drafted = [0 if item is None else item[1] for item in told.drafting]
            if drafted != told.planned_drafts:
                launched["drafted"] = "".join(DIGITS[k] for k in drafted)
            if len(launched) > 1:
                message["launched"] = launched
            return
        if told.seq == 0:
            return
        launched = {"seq": told.seq, "mode": told.mode}
        if told.mode == "fallback":
            live, gone, touched = self.tracked, self._gone, self._touched
            handles, tokens = [], []
            for request_id, count in told.executed.items():
                tracked = live.get(request_id) or gone.get(request_id)
                if tracked is None or tracked.h is None:
                    continue
                if request_id in live:
                    touched[request_id] = tracked
                handles.append(tracked.h)
                tokens.append(count)
            launched.update(iterations=told.iterations, h=handles, n=tokens)
        message["launched"] = launched

    def _put_settled(self, message: dict[str, Any]) -> None:
        settled = []
        for seq, round_ in self.unsettled.items():
            if round_.outstanding or len(settled) == SETTLED_MAX:
                break
            entry: dict[str, Any] = {"seq": seq, "elapsed_us": round_.elapsed_us}
            if round_.accepted:
                drafted = [0 if item is None else item[1] for item in round_.drafting]
                if round_.accepted != drafted:
                    entry["accepted"] = "".join(DIGITS[a] for a in round_.accepted)
            settled.append(entry)
        for entry in settled:
            del self.unsettled[entry["seq"]]
        if settled:
            message["settled"] = settled

    def _put_state(
            self, message: dict[str, Any], running: Sequence[EngineRequest], arrivals: Sequence[Tracked]) -> None:
        """Compares everybody who runs, arrived or was touched with what the sidecar believes."""
        if self._is_certain:
            # Each iteration since the last Step did what was planned, and each result had the tokens that it had to: a
            # few are looked at in turn.
            turn, count = self.seq % self.COMPARE_EVERY, len(running)
            some = running[turn * count // self.COMPARE_EVERY:(turn + 1) * count // self.COMPARE_EVERY]
            different = self._different(running) if self._different(some) else {}
        else:
            different = self._different(running)
        self._is_certain = True
        forced, self._touched = self._touched, {}
        ids = {request.request_id for request in running} if forced or arrivals else ()
        for tracked in forced.values():
            different[tracked.h] = (tracked, tracked.id in ids)
        for tracked in arrivals:
            computed, output = tracked.actual()
            if computed or output or tracked.id in ids:
                different[tracked.h] = (tracked, tracked.id in ids)
        spot = self._next_spot(different)
        if different:
            message["state"] = self._state(different)
        if spot is not None:
            message["spot"] = [spot.h, *self._believed(spot), int(spot.running), int(spot.blocked is not None)]

    def _state(self, different: dict[int, tuple[Tracked, bool]]) -> dict[str, list[int]]:
        """What these requests are at, which the sidecar believes from now on. After iterations of the engine's own it
        is everybody, while the deadline runs: `_believe` and `actual` for each would take several times as long."""
        computed_column, output_column, lift = [], [], self.lift
        computed_sum = output_sum = 0
        for tracked, runs in different.values():
            request = tracked.request
            computed, output = request.num_computed_tokens, request.num_output_tokens
            ahead = computed + 1 - tracked.arrival.prompt
            if output < ahead:
                output = ahead
            computed_column.append(computed)
            output_column.append(output)
            if runs and tracked.running:
                computed -= lift
                output -= lift
                computed_sum += computed - tracked.computed
                output_sum += output - tracked.output
                tracked.computed, tracked.output = computed, output
            else:
                self._believe(tracked, computed, output, runs)
        self._computed += computed_sum
        self._output += output_sum
        return {
            "h": list(different), "computed": computed_column, "output": output_column,
            "running": [int(runs) for _, runs in different.values()]}

    def _different(self, running: Sequence[EngineRequest]) -> dict[int, tuple[Tracked, bool]]:
        different = {}
        tracked_by_id, lift = self.tracked, self.lift
        for request in running:
            tracked = tracked_by_id.get(request.request_id)
            if tracked is None or tracked.h is None:
                continue
            computed, output = request.num_computed_tokens, request.num_output_tokens
            ahead = computed + 1 - tracked.arrival.prompt
            if output < ahead:
                output = ahead
            if tracked.computed + lift != computed or tracked.output + lift != output or not tracked.running:
                different[tracked.h] = (tracked, True)
        return different

    def _next_spot(self, different: dict[int, tuple[Tracked, bool]]) -> Tracked | None:
        """The next request in turn. One that waits and still differs is told, and counted: nobody had noticed."""
        spot = self._spot()
        if spot is None:
            self._spots = iter(list(self.known))
            spot = self._spot()
        if spot is not None and not spot.running and spot.h not in different:
            if spot.actual() != (spot.computed, spot.output):
                self.healed += 1
                different[spot.h] = (spot, False)
        return spot

    def _spot(self) -> Tracked | None:
        for handle in self._spots:
            tracked = self.known.get(handle)
            if tracked is not None and self.tracked.get(tracked.id) is tracked:
                return tracked
        return None

    def _put_removed(self, message: dict[str, Any]) -> None:
        message["removed"] = {"h": [t.h for t, _ in self._removed], "why": [why for _, why in self._removed]}
        for tracked, _ in self._removed:
            self._believe(tracked, 0, 0, False)
            del self.known[tracked.h]
            self._block_news.pop(tracked.h, None)
            self._blocked.discard(tracked.h)
            self._freed.append((self.seq, tracked.h))
            tracked.h = None
        self._removed = []

    def _put_blocked(self, message: dict[str, Any]) -> None:
        """The net state: whoever was blocked and is ready again before anybody was told is in neither list."""
        blocked = [t for t in self._block_news.values() if t.blocked is not None]
        ready = [h for h, t in self._block_news.items() if t.blocked is None and h in self._blocked]
        self._block_news = {}
        if blocked:
            message["blocked"] = {"h": [t.h for t in blocked], "why": [t.blocked for t in blocked]}
            self._blocked.update(t.h for t in blocked)
        if ready:
            message["ready"] = ready
            self._blocked.difference_update(ready)

    def _put_untracked(self, message: dict[str, Any], paid: dict[str, int]) -> None:
        message["untracked_tokens"] = {
            "tenant": [self._name(tenant) for tenant in self._untracked_owed],
            "tokens": list(self._untracked_owed.values())}
        paid.update(self._untracked_owed)
        self._untracked_owed = {}
