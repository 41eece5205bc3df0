"""The adapter: turns the engine's life into Steps, and plans into the engine's work, by the session rules."""

from collections import OrderedDict

from .blocks import PREFIX_BLOCKS
from .plan import Plan, PlanViolation, Seen, check, check_blocks, check_cache
from .prefixes import PREFIX_KEYS_MAX

ARRIVALS_MAX = 256
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class SessionError(Exception):
    """The sidecar broke a session rule."""


class Session:
    """One scheduler loop's side of the contract. It survives connections; `open` and `drop` delimit epochs."""

    def __init__(self, engine, rng, server_id, dp_rank, dp_size, boot_id, counts):
        self.engine, self.rng, self.config = engine, rng, engine.config
        self.server_id, self.dp_rank, self.dp_size, self.boot_id = server_id, dp_rank, dp_size, boot_id
        self.counts = counts
        self.clock_offset_us = 0
        # Tokens per tenant computed for requests that the mirror does not know (rule 13).
        self.untracked_owed = {}
        # The Step whose fate is not known yet: (epoch, seq, tokens per tenant).
        self.pending = None
        # {epoch, seq} of the last Step known to be applied, as Register reports it.
        self.last_applied = None
        self.is_open = False
        # Plans of a serving policy also have to fit the blocks, and differ after one of which nothing ran.
        self.serving_policy = False
        # The sidecar takes names of prefixes.
        self.names_prefixes = False
        self.drop()

    # --- epochs

    def register_message(self):
        message = self.config.describe()
        self.clock_us = self._reported_us = self.reported_now_us()
        message.update(
            server_id=self.server_id, dp_rank=self.dp_rank, dp_size=self.dp_size, engine_boot_id=self.boot_id,
            now_us=self.clock_us)
        return message

    def drop(self):
        """Everything that the mirror was told is void."""
        self._note_ended()
        for request, _ in getattr(self, "_removed", ()):
            self._owe(request.tenant, request.owed)
            request.owed = 0
        for request in self.engine.requests.values():
            request.handle = None
            request.block_news = False
            request.prefix_keys = []
        self.is_open = False
        self.epoch, self.seq = None, 0
        self.names, self._new_names = {}, []
        self._removed, self._free_handles = [], []
        # seq -> [launches without a result, elapsed_us, digits, whether drafts lay in trees, whether the sidecar keeps
        # handles from coming back for it]; oldest first.
        self._unsettled = OrderedDict()
        # Those of them with trees that the Step built last settles.
        self.settled_trees = set()
        self.seen, self._arrival_clock = {}, {}
        self._spot_turn = 0
        self._stalled = None
        # Keys that this epoch's Steps named, and those that its plans pinned: pins end with the epoch.
        self._told_keys, self._pinned = set(), set()
        self._forget_launched()

    def open(self, epoch, names_prefixes=False):
        """Register was answered: the mirror is empty, seq starts at 1."""
        self.drop()
        self.names_prefixes = names_prefixes
        self.epoch, self.is_open, self.syncing = epoch, True, True
        base = self.rng.choice((0, 1, 1000, 2 ** 32 - self.config.handle_count))
        self._free_handles = [(0, base + i) for i in range(self.config.handle_count)]
        self.rng.shuffle(self._free_handles)

    def resolve_pending(self, applied):
        """Register tells which Step of this boot was applied last; pays for it or owes it again."""
        pending, self.pending = self.pending, None
        if pending and applied == {"epoch": pending[0], "seq": pending[1]}:
            self.last_applied = applied
            return pending[2]
        if pending:
            self._owe_all(pending[2])
        return None

    def acknowledged(self):
        """The Step was applied. Returns what it paid for, per tenant."""
        epoch, seq, paid = self.pending
        self.pending = None
        self.last_applied = {"epoch": epoch, "seq": seq}
        return paid

    def rejected(self):
        """The Step does not count (RESYNC, REPLACED): its tokens are owed again."""
        pending, self.pending = self.pending, None
        if pending:
            self._owe_all(pending[2])

    def _owe(self, tenant, tokens):
        if tokens:
            self.untracked_owed[tenant] = self.untracked_owed.get(tenant, 0) + tokens

    def _owe_all(self, paid):
        for tenant, tokens in paid.items():
            self._owe(tenant, tokens)

    def reported_now_us(self):
        return self.engine.now_us + self.clock_offset_us

    def owed_tokens(self):
        """Everything computed and not acknowledged, per tenant; for the judge of charges."""
        total = dict(self.untracked_owed)
        pending = self.pending[2].items() if self.pending else ()
        owed = [(r.tenant, r.owed) for r in self.engine.requests.values()]
        owed += [(r.tenant, r.owed) for r, _ in self._removed] + [(r.tenant, r.owed) for r, _ in self.engine.ended]
        for tenant, tokens in [*pending, *owed]:
            total[tenant] = total.get(tenant, 0) + tokens
        return total

    # --- the Step

    def build_step(self):
        """The message of the next Step: one net state of everything since the last one."""
        self._note_ended()
        self.seq += 1
        paid = {}
        arrivals = self._choose_arrivals()
        message = {"epoch": self.epoch, "seq": self.seq, "now_us": self._advance_clock()}
        if self.syncing and (self._running_left() and self._usable_handle() is not None):
            message["sync"] = True
        else:
            self.syncing = False
        self.is_sync = "sync" in message
        message["kv_free_blocks"] = self._free = self.engine.pools.free()
        if self.names_prefixes and self.rng.random() < 0.8:
            message["kv_cached_blocks"] = [self.rng.randint(0, free) for free in self._free]
        self._put_arrived(message, arrivals, paid)
        self._put_launched(message, arrivals, paid)
        self._put_settled(message)
        self._put_requests(message, arrivals)
        self._put_removed(message)
        self._put_untracked(message, paid)
        if self._new_names:
            message["names"] = self._new_names
            self._new_names = []
        self.pending = (self.epoch, self.seq, paid)
        self._forget_launched()
        return message

    def _note_ended(self):
        engine = self.engine
        for request, why in engine.ended:
            if request.handle is None:
                self._owe(request.tenant, request.owed)
                request.owed = 0
            else:
                self._removed.append((request, why))
        engine.ended.clear()

    def _advance_clock(self):
        """Rule 12: a step back counts as no time, a jump forward is believed."""
        reported = self.reported_now_us()
        if reported > self._reported_us:
            self.clock_us += reported - self._reported_us
        elif reported < self._reported_us:
            self.counts["clock_back"] += 1
        self._reported_us = reported
        return reported

    def _running_left(self):
        return any(request.handle is None for request in self.engine.running)

    def _usable_handle(self):
        """Index of a handle that may be given now: every plan before its removal was settled in an earlier Step."""
        # A settled plan leaves `_unsettled` when the Step that says so is built, after the choice of handles.
        oldest = next(iter(self._unsettled), self.seq)
        for index, (removed_in, _) in enumerate(self._free_handles):
            if removed_in == 0 or (removed_in < self.seq and removed_in <= oldest):
                return index
        return None

    def _choose_arrivals(self):
        candidates = [r for r in self.engine.running if r.handle is None]
        if not self.syncing or len(candidates) < 3:
            candidates += [r for r in self.engine.waiting if r.handle is None]
        most = self.rng.randint(1, 4) if self.syncing else ARRIVALS_MAX
        arrivals = []
        for request in candidates[:most]:
            index = self._usable_handle()
            if index is None:
                break
            removed_in, request.handle = self._free_handles.pop(index)
            if removed_in:
                self.counts["handle_reused"] += 1
            arrivals.append(request)
        return arrivals

    def _name(self, name):
        index = self.names.get(name)
        if index is None:
            index = self.names[name] = len(self.names)
            self._new_names.append(name)
        return index

    def _put_arrived(self, message, arrivals, paid):
        if not arrivals:
            return
        columns = {field: [] for field in ("h", "id", "tenant", "class", "prompt", "max_output", "age_us", "adapter")}
        for request in arrivals:
            age_us = self.engine.now_us - request.arrived_us + self.rng.choice((0, 0, -50_000))
            self._arrival_clock[request.handle] = (self.clock_us, age_us)
            columns["h"].append(request.handle)
            columns["id"].append(request.id)
            columns["tenant"].append(self._name(request.tenant))
            columns["class"].append(self._name(request.kind))
            columns["prompt"].append(request.prompt)
            columns["max_output"].append(request.max_output)
            columns["age_us"].append(age_us)
            columns["adapter"].append(-1 if request.adapter is None else self._name(request.adapter))
            self._owe(request.tenant, request.owed)
            request.owed = 0
        if all(index < 0 for index in columns["adapter"]):
            del columns["adapter"]
        self._put_hints(columns, arrivals)
        message["arrived"] = columns

    def _put_hints(self, columns, arrivals):
        """Optional columns: what the cache may hold (never trusted), and goals of single requests."""
        rng = self.rng
        hints = rng.random() < 0.4
        for request in arrivals:
            request.cached_hint = rng.choice((0, 0, 4, 8, request.prompt)) if hints else 0
        if hints:
            columns["cached_tokens"] = [request.cached_hint for request in arrivals]
        if self.names_prefixes and rng.random() < 0.9:
            self._put_prefixes(columns, arrivals)
        for field in ("ttft_slo_ms", "tpot_slo_ms"):
            if rng.random() < 0.2:
                columns[field] = [rng.choice((0, 50, 1000)) for _ in arrivals]

    def _put_prefixes(self, columns, arrivals):
        """Names of what the prompts of one family have in common, and a guess of what a slower tier holds."""
        unit = self.config.prefix_unit_tokens
        size = self.config.groups[0].block_tokens
        columns["prefix"] = []
        for request in arrivals:
            count = min(min(request.prompt, PREFIX_BLOCKS * size) // unit, PREFIX_KEYS_MAX)
            request.prefix_keys = [f"{request.prefix + 1:08x}{place:08x}" for place in range(count)]
            columns["prefix"].append("".join(request.prefix_keys))
            self._told_keys.update(request.prefix_keys)
        if self.rng.random() < 0.7:
            columns["tier_tokens"] = [self.rng.choice((0, 4, 8, 16)) for _ in arrivals]

    def _put_launched(self, message, arrivals, paid):
        tracked = [r for r in self.engine.requests.values() if r.handle is not None and r.owed]
        tracked += [r for r, _ in self._removed if r.owed]
        for request in tracked:
            paid[request.tenant] = paid.get(request.tenant, 0) + request.owed
        launched = {"seq": self.seq - 1}
        if self._mode == "plan":
            if self._exceptions:
                launched["x"] = {
                    "h": list(self._exceptions), "n": [n for n, _ in self._exceptions.values()],
                    "why": [why for _, why in self._exceptions.values()]}
            if self._drafted != self._planned_drafts:
                launched["drafted"] = "".join(DIGITS[k] for k in self._drafted)
            if len(launched) > 1 or self.rng.random() < 0.3:
                message["launched"] = launched
            for request in tracked:
                request.owed = 0
            return
        launched["mode"] = self._mode
        if self._mode == "fallback":
            launched["iterations"] = self._iterations
            launched["h"] = [r.handle for r in tracked]
            launched["n"] = [r.owed for r in tracked]
        elif tracked:
            raise AssertionError("work on tracked requests and mode none")
        for request in tracked:
            request.owed = 0
        message["launched"] = launched

    def _put_settled(self, message):
        """A seq is settled once, when the last of its launches is (a fallback may have several)."""
        settled = []
        self.settled_trees = set()
        for seq, (left, elapsed_us, digits, has_trees, _) in self._unsettled.items():
            if left:
                break
            if has_trees:
                self.settled_trees.add(seq)
            entry = {"seq": seq, "elapsed_us": elapsed_us}
            if digits:
                entry["accepted"] = "".join(DIGITS[a] for a in digits)
            settled.append(entry)
        for entry in settled:
            del self._unsettled[entry["seq"]]
        if settled:
            message["settled"] = settled

    def _put_requests(self, message, arrivals):
        """state, blocked, ready, check and spot; and what the mirror holds after this Step."""
        engine, seen = self.engine, {}
        told = [launch for launch in engine.in_flight if launch.epoch == self.epoch and launch.seq is not None]
        in_flight = {item.request for launch in told for item in launch.items if item.tracked}
        state = [r for r in engine.diverged if r.handle is not None]
        begun = [r for r in arrivals if r.computed or r.output or r.promised or r.running]
        state += [r for r in begun if r not in engine.diverged]
        engine.diverged.clear()
        blocked, ready = [], []
        running = computed = output = blocked_count = 0
        for request in engine.requests.values():
            handle = request.handle
            if handle is None:
                continue
            view = seen[handle] = Seen(request, request in in_flight)
            running += view.running
            blocked_count += view.blocked
            computed += view.computed
            output += view.output
            if request.block_news:
                (blocked if request.blocked else ready).append(handle)
                request.block_news = False
        blocked += [r.handle for r in arrivals if r.blocked and r.handle not in blocked]
        if state:
            state.sort(key=lambda r: r.handle)
            message["state"] = {
                "h": [r.handle for r in state], "computed": [r.computed for r in state],
                "output": [r.output + r.promised for r in state], "running": [int(r.running) for r in state]}
        if blocked:
            message["blocked"] = {"h": blocked, "why": [self.rng.choice(("grammar", "remote_kv")) for _ in blocked]}
        if ready:
            message["ready"] = ready
        message["check"] = [running, len(seen) - running, blocked_count, computed, output]
        self.seen = seen
        self._put_spot(message)

    def _put_spot(self, message):
        if not self.seen:
            return
        handles = sorted(self.seen)
        self._spot_turn += 1
        handle = handles[self._spot_turn % len(handles)]
        view = self.seen[handle]
        message["spot"] = [handle, view.computed, view.output, int(view.running), int(view.blocked)]

    def _put_removed(self, message):
        if not self._removed:
            return
        message["removed"] = {"h": [r.handle for r, _ in self._removed], "why": [why for _, why in self._removed]}
        for request, _ in self._removed:
            entry = (self.seq, request.handle)
            self._arrival_clock.pop(request.handle, None)
            # Reused as soon as possible, or as late as possible.
            if self.rng.random() < 0.5:
                self._free_handles.insert(0, entry)
            else:
                self._free_handles.append(entry)
        self._removed = []

    def _put_untracked(self, message, paid):
        if not self.untracked_owed:
            return
        message["untracked_tokens"] = {
            "tenant": [self._name(tenant) for tenant in self.untracked_owed],
            "tokens": list(self.untracked_owed.values())}
        for tenant, tokens in self.untracked_owed.items():
            paid[tenant] = paid.get(tenant, 0) + tokens
        self.untracked_owed = {}

    def _forget_launched(self):
        self._mode, self._iterations = "none", 0
        self._exceptions, self._drafted, self._planned_drafts = {}, [], []

    def expected_requests(self):
        """What Admin/Requests must tell about this session after the Step built last, by handle."""
        expected = {}
        for handle, view in self.seen.items():
            request = view.request
            clock_us, age_us = self._arrival_clock[handle]
            expected[handle] = {
                "h": handle, "id": request.id, "tenant": request.tenant, "class": request.kind,
                "running": view.running, "blocked": view.blocked, "prompt": request.prompt,
                "max_output": request.max_output, "computed": view.computed, "output": view.output,
                "age_us": age_us + self.clock_us - clock_us}
        return expected

    # --- work

    def run_own(self):
        """One iteration of the engine's own scheduler: fallback when a session is open, plain work otherwise."""
        items = self.engine.own_batch()
        if not items:
            return
        if not self.is_open or self.seq == 0:
            self.engine.launch(None, None, items)
            return
        self._mode = "fallback"
        self._iterations += 1
        self.counts["fallback_iterations"] += 1
        self.engine.launch(self.epoch, self.seq, items)
        self._unsettled.setdefault(self.seq, [0, 0, [], False, True])[0] += 1

    def settle(self):
        """Takes the oldest result."""
        launch, elapsed_us, digits = self.engine.settle_oldest(self.epoch)
        if launch.epoch is None or launch.epoch != self.epoch or launch.seq not in self._unsettled:
            return
        entry = self._unsettled[launch.seq]
        entry[0] -= 1
        entry[1] += elapsed_us
        entry[2] = digits

    def read_plan(self, message):
        """Validates the reply to the Step sent last. Returns its Plan, or None for a sync Step."""
        if message.get("epoch") != self.epoch or message.get("seq") != self.seq:
            raise SessionError(f"reply {message} to Step {self.epoch}/{self.seq}")
        body = message.get("plan")
        if self.is_sync:
            if body is not None:
                raise SessionError("a sync Step got a plan")
            return None
        if body is None:
            raise SessionError(f"no plan answered Step {self.seq}")
        plan = Plan(body, self.seen)
        check(plan, self.seen, self.config)
        check_cache(plan, self.seen, self.config, self._told_keys, self._pinned)
        if self.serving_policy:
            check_blocks(plan, self.seen, self.config, self._free)
            if (self.seq - 1, plan.items, plan.verbs) == self._stalled:
                raise PlanViolation(f"the same plan again, of which nothing ran: {plan.items}")
        return plan

    def launch_plan(self, plan):
        """Carries the plan out, as far as the engine can and cares to; notes every exception."""
        engine, rng = self.engine, self.rng
        self._mode = "plan"
        for verb, handle, argument in plan.verbs:
            self._act(verb, self.seen[handle], argument)
        for name, keys in plan.cache.items():
            self.counts["cache_" + name] += bool(keys)
        self._pinned -= set(plan.cache["unpin"])
        self._pinned |= set(plan.cache["pin"])
        batch, items, draft_items = [], [], []
        victims = [self.seen[h].request for h in plan.victims]
        victims += [r for r in engine.running[::-1] if r.handle is None]
        victims += engine.running[::-1]
        for handle, n, k in plan.items:
            item = self._run_item(handle, n, k, batch, victims, plan.levels.get(handle))
            if item:
                items.append(item)
                batch.append(item.request)
            if k:
                exact = item is not None and item.exact
                self._planned_drafts.append(k)
                self._drafted.append(item.drafts if exact else 0)
                draft_items.append(item if exact else None)
        if plan.items and rng.random() < 0.03:
            self._admit_another(plan, batch, items, victims)
        self._stalled = (self.seq, plan.items, plan.verbs) if plan.items and not items else None
        self._run_untracked(batch, items, victims)
        if not plan.items and not items:
            # An empty plan is launched and settles at once.
            return
        launch = engine.launch(self.epoch, self.seq if plan.items or rng.random() < 0.5 else None, items)
        launch.draft_items = draft_items
        if launch.seq is not None:
            has_trees = any(item is not None and item.depth < item.drafts for item in draft_items)
            # A plan of nothing is settled for the sidecar whatever ran besides it: it keeps no handle from coming back.
            self._unsettled[self.seq] = [1, 0, [], has_trees, bool(plan.items)]

    def _act(self, verb, view, argument):
        engine, request = self.engine, view.request
        if request.finished:
            self.counts["verb_gone"] += 1
            return
        self.counts["verb_" + verb] += 1
        busy = request.launches > 0
        refused = not request.running or self.rng.random() < 0.1 or (busy and not self.config.in_flight_preempt)
        if verb == "truncate" and not 0 < argument < request.computed:
            refused = True
        if verb == "abort":
            engine.finish(request, "abort")
        elif refused:
            self.counts["verb_refused"] += 1
            engine.diverged.add(request)
        else:
            if busy or view.in_flight:
                engine.diverged.add(request)
            if verb == "truncate":
                engine.truncate(request, argument)
            elif verb == "requeue":
                engine.requeue(request)
            else:
                engine.swap_out(request)

    def _run_item(self, handle, n, k, batch, victims, levels):
        """Launches one planned item, or part of it. An item that is not as planned becomes an exception."""
        request, rng = self.seen[handle].request, self.rng
        if request.finished:
            self._except(handle, 0, "gone")
            return None
        drafts = rng.randint(0, k) if k and self.config.may_draft_less else k
        plain = n - k
        roll = rng.random()
        if roll < 0.03:
            item, why = None, "lora"
        elif not self.engine.may_repeat(request):
            item, why = None, "partial"
        elif roll < 0.09 and plain > 1:
            item, why = self.engine.work(request, plain // 2, 0, batch, victims)
            why = why or "partial"
        else:
            item, why = self.engine.work(request, plain, drafts, batch, victims, levels)
        if not why:
            item.exact = True
            return item
        self._except(handle, item.tokens if item else 0, why)
        self.engine.diverged.add(request)
        return item

    def _except(self, handle, tokens, why):
        self._exceptions[handle] = (tokens, why)
        self.counts["x_" + why] += 1

    def _admit_another(self, plan, batch, items, victims):
        """Work that no plan asked for."""
        named = {item[0] for item in plan.items} | {verb[1] for verb in plan.verbs}
        for handle in sorted(self.seen):
            request = self.seen[handle].request
            if handle in named or request.finished or not self.engine.may_repeat(request):
                continue
            item, _ = self.engine.work(request, 4, 0, batch, victims)
            if item:
                self._except(handle, item.tokens, "admitted")
                self.engine.diverged.add(request)
                items.append(item)
                batch.append(request)
            return

    def _run_untracked(self, batch, items, victims):
        """Running requests that the mirror does not know join every batch, or they hold their blocks for ever."""
        for request in [r for r in self.engine.running if r.handle is None]:
            if request.finished or not request.running or not self.engine.may_repeat(request):
                continue
            item, _ = self.engine.work(request, 8, 0, batch, victims)
            if item:
                items.append(item)
                batch.append(request)
                self.counts["untracked_run"] += 1
