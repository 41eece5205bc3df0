"""The adapter's ledger against the independent mirror: an engine that does what it likes, Steps that always fit."""

import random
import unittest
from collections import deque

from coxswain.adapter import Arrival, Ledger, read_plan
from coxswain.adapter.ledger import ARRIVALS_MAX, NAMES_MAX
from coxswain.model.mirror import Mirror
from coxswain.model.plan import Plan as ModelPlan

VERBS = frozenset(("order", "hold", "chunk", "pause", "requeue", "victim_order", "draft_request"))
STEP_TOKENS, DRAFTS_MAX = 200, 3


class Request:
    """As much of an engine's request as the ledger reads."""

    def __init__(self, name, prompt, max_output):
        self.request_id, self.prompt, self.max_output = name, prompt, max_output
        self.num_computed_tokens = self.num_output_tokens = 0
        # Output tokens that launched work will produce, and drafts among the computed.
        self.promised = 0
        self.in_flight = 0

    @property
    def known(self):
        return self.prompt + self.num_output_tokens + self.promised


class World:
    """Requests, launched iterations, a sidecar's mirror, and the ledger between them."""

    def __init__(self, seed, depth):
        self.rng, self.depth = random.Random(seed), depth
        self.ledger = Ledger()
        self.running, self.waiting = [], []
        self.in_flight = deque()
        self.serial = self.epoch = 0
        self.now_s = 1000.0
        self.counts = dict.fromkeys(("exact", "exceptions", "own", "decode_all", "preempted", "drafts", "removed"), 0)
        # Tokens by tenant: computed by the engine, charged by the mirrors.
        self.computed, self.charged = {}, {}
        self.register()

    def register(self):
        self.epoch += 1
        self.mirror = Mirror({
            "model": {"pools": [{"blocks": 10 ** 6}]}, "in_flight_max": self.depth, "now_us": int(self.now_s * 1e6)})
        self.ledger.open(self.epoch, None, 10 ** 6)

    def arrive(self, count=1):
        for _ in range(count):
            self.serial += 1
            request = Request(f"r{self.serial}", self.rng.randint(1, 40), self.rng.randint(1, 12))
            self.waiting.append(request)
            tracked = self.ledger.add(request, Arrival(
                f"t{self.serial % 3}", "standard", request.prompt, request.max_output, self.now_s))
            if self.rng.random() < 0.1:
                self.ledger.set_blocked(tracked, "grammar")

    def end(self, request, why):
        (self.running if request in self.running else self.waiting).remove(request)
        self.ledger.remove(request.request_id, why)
        self.counts["removed"] += 1

    def preempt(self, request):
        self.running.remove(request)
        self.waiting.insert(0, request)
        request.num_computed_tokens = request.promised = 0
        request.life = getattr(request, "life", 0) + 1
        self.ledger.touch(request.request_id)
        self.counts["preempted"] += 1

    # --- one iteration

    def step(self):
        self.now_s += 0.01
        message = self.ledger.build(int(self.now_s * 1e6), self.now_s, [10 ** 5], self.running)
        before = dict(self.mirror.charges)
        self.mirror.apply(message)
        lost = self.rng.random() < 0.03
        for tenant, tokens in self.mirror.charges.items() if not lost else ():
            if tokens != before.get(tenant, 0):
                self.charged[tenant] = self.charged.get(tenant, 0) + tokens - before.get(tenant, 0)
        if lost:
            self.ledger.rejected()
            self.ledger.close()
            self.launch(self.ledger.ran_own, self.own())
            self.register()
            return
        self.ledger.applied()
        body = None if message.get("sync") else self.plan_body()
        if body is None or self.rng.random() < 0.1:
            self.mirror.plan = ModelPlan(body, self.mirror.entries) if body is not None else None
            self.launch(self.ledger.ran_own, self.own())
            if self.rng.random() < 0.2 and len(self.in_flight) < self.depth:
                self.launch(self.ledger.ran_own, self.own())
            return
        self.mirror.plan = ModelPlan(body, self.mirror.entries)
        self.carry_out(read_plan(body, self.ledger.known, VERBS, STEP_TOKENS, DRAFTS_MAX))

    def plan_body(self):
        """A random plan of what the mirror knows."""
        rng, entries, body = self.rng, self.mirror.entries, {}
        runs = [h for h in entries if entries[h].running and entries[h].remaining > 0]
        plain = rng.random() < 0.6
        run, pause, requeue, tokens = [], [], [], 0
        for h in sorted(runs):
            entry = entries[h]
            if not plain and rng.random() < 0.05 and not entry.unsettled:
                requeue.append(h)
            elif not plain and rng.random() < 0.1:
                pause.append(h)
            elif entry.remaining > 1 or (not plain and rng.random() < 0.3) or entry.output >= entry.max_output:
                if entry.output >= entry.max_output:
                    pause.append(h)
                    continue
                n = rng.randint(1, entry.remaining)
                k = rng.randint(0, DRAFTS_MAX) if n == entry.remaining and entry.output + 5 < entry.max_output else 0
                run.append((h, n + k, k))
        pause += [h for h in entries if entries[h].running and entries[h].remaining <= 0]
        for h in sorted(entries):
            entry = entries[h]
            if not entry.running and not entry.blocked and rng.random() < 0.3 and len(run) < 12:
                run.append((h, rng.randint(1, max(1, entry.remaining)), 0))
        body["decode"] = "all"
        if run:
            body["run"] = {"h": [h for h, _, _ in run], "n": [n for _, n, _ in run], "k": [k for _, _, k in run]}
        if pause:
            body["pause"] = sorted(set(pause))
        if requeue:
            body["requeue"] = requeue
        decodes = [h for h in runs if h not in {*pause, *requeue, *(h for h, _, _ in run)}]
        if not decodes:
            del body["decode"]
            body.pop("pause", None)
        return body

    def carry_out(self, plan):
        """Most of a plan, sometimes less or more."""
        rng, ledger = self.rng, self.ledger
        preempted = False
        for h in plan.requeue:
            if rng.random() < 0.9:
                self.preempt(ledger.known[h].request)
        scheduled, drafts = {}, {}
        out = {*plan.run_h, *plan.pause, *plan.requeue}
        items = [(t, 1, 0) for h, t in list(ledger.runners.items()) if h not in out] if plan.decode_all else []
        items += ledger.run_items(plan)
        for tracked, n, k in items:
            request = tracked.request
            if rng.random() < 0.01 and request in self.running:
                self.preempt(request)
                preempted = True
                continue
            if rng.random() < 0.03:
                continue
            drafted = rng.randint(0, k) if k else 0
            if request.num_computed_tokens == 0 and rng.random() < 0.2:
                request.num_computed_tokens = rng.randint(0, min(n - k, request.known - 1))
            plain = min(n - k, request.known - request.num_computed_tokens)
            if plain <= 0 or (drafted and request.num_computed_tokens + plain < request.known):
                drafted = 0
            if plain <= 0:
                continue
            if rng.random() < 0.02 and plain > 1:
                plain, drafted = plain - 1, 0
            self.work(request, plain, drafted, scheduled, drafts)
        if rng.random() < 0.03:
            for request in self.waiting[:1]:
                if request.request_id not in scheduled:
                    self.work(request, 1, 0, scheduled, drafts)
        before = ledger.round
        round_ = ledger.ran_plan(plan, scheduled, drafts, None if preempted else len(self.running))
        self.counts["exceptions"] += len(before.exceptions)
        self.counts["exact"] += not before.exceptions
        self.counts["decode_all"] += plan.decode_all
        self.counts["drafts"] += len(before.planned_drafts)
        self.fly(round_, scheduled, drafts)

    def work(self, request, plain, drafted, scheduled, drafts):
        if request in self.waiting:
            self.waiting.remove(request)
            self.running.append(request)
        samples = request.num_computed_tokens + plain == request.known
        request.num_computed_tokens += plain + drafted
        if samples:
            request.promised += 1 + drafted
        scheduled[request.request_id] = plain + drafted
        if drafted:
            drafts[request.request_id] = [0] * drafted

    def own(self):
        scheduled, drafts = {}, {}
        for request in self.running + self.waiting:
            left = request.known - request.num_computed_tokens
            ended = request.num_output_tokens + request.promised >= request.max_output
            if left > 0 and self.rng.random() < 0.7 and not ended:
                self.work(request, self.rng.randint(1, left), 0, scheduled, drafts)
        self.own_drafts = drafts
        self.counts["own"] += 1
        return scheduled

    def launch(self, note, scheduled):
        self.fly(note(scheduled) if note else None, scheduled, {})

    def fly(self, round_, scheduled, drafts):
        for name, tokens in scheduled.items():
            tenant = f"t{int(name[1:]) % 3}"
            self.computed[tenant] = self.computed.get(tenant, 0) + tokens
        if scheduled:
            live = {r.request_id: r for r in self.running}
            who = [(live[n], len(drafts.get(n, ())), live[n].promised, getattr(live[n], "life", 0)) for n in scheduled]
            self.in_flight.append((round_, scheduled, who))
        while len(self.in_flight) >= self.depth or (self.in_flight and self.rng.random() < 0.3):
            self.land()

    def land(self):
        round_, scheduled, who = self.in_flight.popleft()
        accepted, samples, results = {}, 0, []
        for request, drafted, _, life in who:
            taken = self.rng.randint(0, drafted)
            accepted[request.request_id] = taken
            results.append((request, drafted, taken, life))
            samples += 1 + taken
        if round_ is not None and round_.seq in self.ledger.unsettled:
            self.ledger.result(round_, 9000, accepted, None if self.rng.random() < 0.5 else samples)
        for request, drafted, taken, life in results:
            if life != getattr(request, "life", 0) or request not in self.running or not request.promised:
                continue
            if request.num_computed_tokens - request.promised + 1 < request.prompt + request.num_output_tokens:
                continue
            request.promised -= 1 + drafted
            request.num_computed_tokens -= drafted - taken
            request.num_output_tokens += 1 + taken
            if request.num_output_tokens >= request.max_output or self.rng.random() < 0.02:
                self.end(request, "stop")

    def users(self):
        rng = self.rng
        if len(self.running) + len(self.waiting) < 40 and rng.random() < 0.6:
            self.arrive(rng.randint(1, 4))
        if self.waiting and rng.random() < 0.05:
            self.end(rng.choice(self.waiting), "abort")
        for tracked in list(self.ledger.tracked.values()):
            if tracked.blocked is not None and rng.random() < 0.2:
                self.ledger.set_blocked(tracked, None)


class LedgerTest(unittest.TestCase):
    def play(self, seed, depth, steps=400):
        world = World(seed, depth)
        try:
            for _ in range(steps):
                world.users()
                world.step()
                while len(world.in_flight) >= depth:
                    world.land()
        except Exception as error:
            raise AssertionError(f"seed {seed}, depth {depth}: {error!r}") from error
        return world

    def test_every_step_fits_an_independent_mirror(self):
        counts = {}
        for seed in range(25):
            for name, count in self.play(seed, 1).counts.items():
                counts[name] = counts.get(name, 0) + count
        for name, count in counts.items():
            self.assertGreater(count, 100, f"{name} hardly happened: {counts}")

    def test_and_with_two_iterations_in_flight(self):
        for seed in range(25):
            self.play(1000 + seed, 2)

    def test_charges_are_those_of_the_engine(self):
        """Every token computed is charged once, or still owed, however often the session was lost."""
        for seed in range(20):
            world = self.play(3000 + seed, 1 + seed % 2, 150)
            told = dict(world.charged)
            ledger = world.ledger
            for owed in (ledger._untracked_owed, ledger._by_tenant(ledger.round.executed)):
                for tenant, tokens in owed.items():
                    told[tenant] = told.get(tenant, 0) + tokens
            self.assertEqual(told, world.computed, f"seed {3000 + seed}")

    def test_many_arrivals_come_in_parts_running_first(self):
        world = World(1, 1)
        world.arrive(ARRIVALS_MAX + 50)
        for request in list(world.waiting):
            world.waiting.remove(request)
            world.running.append(request)
        world.arrive(20)
        first = world.ledger.build(1, world.now_s, [1], world.running)
        self.assertTrue(first["sync"])
        self.assertEqual(len(first["arrived"]["h"]), ARRIVALS_MAX)
        second = world.ledger.build(2, world.now_s, [1], world.running)
        self.assertNotIn("sync", second)
        self.assertEqual(len(second["arrived"]["h"]), 70)
        self.assertEqual(len(second["state"]["h"]), 50)

    def test_a_full_table_of_names_asks_for_a_new_session(self):
        ledger = Ledger()
        ledger.open(1, None, 10 ** 6)
        for index in range(NAMES_MAX + 10):
            ledger.add(Request(f"r{index}", 1, 1), Arrival(f"tenant-{index}", "c", 1, 1, 0.0))
        while len(ledger.known) < NAMES_MAX + 10:
            message = ledger.build(1, 0.0, [1], [])
            for column in ("tenant", "class"):
                self.assertLess(max(message["arrived"][column]), NAMES_MAX)
            self.assertIn(("" if len(ledger.known) < NAMES_MAX else ledger.needs_restart), ledger.needs_restart)
        self.assertTrue(ledger.needs_restart)
        ledger.open(2, None, 10 ** 6)
        self.assertFalse(ledger.needs_restart)

    def test_a_waiting_request_that_changes_unnoticed_is_told(self):
        ledger = Ledger()
        ledger.open(1, None, 100)
        request = Request("r", 10, 5)
        ledger.add(request, Arrival("t", "c", 10, 5, 0.0))
        ledger.build(1, 0.0, [1], [])
        request.num_output_tokens = 2
        message = ledger.build(2, 0.0, [1], [])
        self.assertEqual(message["state"]["output"], [2])
        self.assertEqual(ledger.healed, 1)

    def test_a_running_request_that_changes_unnoticed_is_told(self):
        """Plans run as made, so that nothing is compared but a few in turn."""
        ledger, requests = Ledger(), []
        ledger.open(1, None, 10 ** 6)
        for index in range(50):
            request = Request(f"r{index}", 10, 10 ** 6)
            request.num_computed_tokens, request.num_output_tokens = 10, 1
            requests.append(request)
            ledger.add(request, Arrival("t", "standard", 10, 10 ** 6, 0.0))
        told = []
        for step in range(2 * Ledger.COMPARE_EVERY):
            message = ledger.build(step, 0.01 * step, [10 ** 5], requests)
            ledger.applied()
            if step > 0 and "state" in message:
                told.append((step, len(message["state"]["h"])))
            plan = read_plan({"decode": "all"}, ledger.known, VERBS, STEP_TOKENS, DRAFTS_MAX)
            for request in requests:
                request.num_computed_tokens += 1
            round_ = ledger.ran_plan(plan, {request.request_id: 1 for request in requests}, {}, len(requests))
            for request in requests:
                request.num_output_tokens += 1
            ledger.result(round_, 1000, {}, len(requests))
            if step == 20:
                requests[30].num_computed_tokens -= 4
        self.assertEqual([count for _, count in told], [1])
        self.assertLessEqual(told[0][0], 21 + Ledger.COMPARE_EVERY)


if __name__ == "__main__":
    unittest.main()
