"""The model against itself: engine and adapter on one side, the independent mirror on the other, sockets between."""

import random
import unittest

from coxswain.faults.process import SidecarProcess
from coxswain.faults.rank import Mismatch
from coxswain.faults.world import World
from coxswain.model.blocks import BlockPools, Group
from coxswain.model.config import EngineConfig
from coxswain.model.engine import Engine
from coxswain.model.mirror import Mirror, Rejected
from coxswain.model.plan import Plan, PlanViolation, Seen, check


class BlockTests(unittest.TestCase):
    def test_blocks_are_given_back(self):
        for seed in range(30):
            rng = random.Random(seed)
            config = EngineConfig(rng)
            engine = Engine(config, rng, "e")
            requests = [engine.arrive() for _ in range(6)]
            for _ in range(100):
                engine.pools.hold(rng.choice(requests), rng.randint(0, 40))
            for request in requests:
                engine.pools.hold(request, 0)
            self.assertEqual(engine.pools.free(), config.pools, f"seed {seed}")

    def test_a_window_keeps_no_more_than_its_blocks(self):
        group = Group(0, 8, 8)
        self.assertEqual([group.blocks(tokens) for tokens in (0, 1, 8, 9, 16, 100)], [0, 1, 1, 2, 2, 2])

    def test_shared_prefix_blocks_count_once(self):
        rng = random.Random(1)
        engine = Engine(EngineConfig(rng), rng, "e")
        a, b = engine.arrive(), engine.arrive()
        for request in (a, b):
            request.prompt, request.prefix = 40, 0
        pools = BlockPools([100], [Group(0, 4)])
        pools.hold(a, 16)
        pools.hold(b, 16)
        self.assertEqual(pools.used, [5])


class PlanCheckTests(unittest.TestCase):
    """Every rule that `check` knows catches its violation."""

    def setUp(self):
        rng = random.Random(3)
        self.config = EngineConfig(rng)
        self.config.__dict__.update(
            capabilities=["pause", "requeue", "truncate", "hold", "order", "victim_order", "chunk", "draft_request"],
            chunks=True, in_flight_preempt=False, step_tokens=50, sequences=2, k_max=3, tree=None, adapters_max=1,
            in_flight_repeat="none")
        engine = Engine(self.config, rng, "e")
        self.seen = {}
        for handle, (prompt, computed, output, running) in {
                1: (20, 20, 1, True), 2: (30, 0, 0, False), 3: (10, 10, 1, True), 4: (10, 12, 3, True),
                5: (5, 0, 0, False)}.items():
            request = engine.arrive()
            request.prompt, request.computed, request.output, request.running = prompt, computed, output, running
            request.max_output, request.adapter = 8, None
            self.seen[handle] = Seen(request, in_flight=handle == 3)
        self.seen[5].blocked = True

    def judge(self, **body):
        check(Plan(body, self.seen), self.seen, self.config)

    def test_good_plans(self):
        self.judge(run={"h": [1], "n": [1]})
        self.judge(run={"h": [1], "n": [4], "k": [3]}, pause=[4])
        self.judge(decode="all", pause=[3], requeue=[4])
        self.judge(hold_us=1000)

    def test_trees(self):
        tree = {"h": [1], "n": [6], "k": [5], "levels": ["221"]}
        with self.assertRaises(PlanViolation):
            self.judge(run=tree, pause=[4])
        self.config.tree = {"width_max": 3, "nodes_max": 5}
        self.judge(run=tree, pause=[4])
        self.judge(run={"h": [1], "n": [4], "k": [3], "levels": [""]}, pause=[4])
        for n, k, levels in ((6, 5, "22"), (6, 5, "41"), (7, 6, "222"), (6, 5, "2111"), (6, 5, ""), (6, 5, "20"),
                             (6, 5, 221), (6, 5, "311111111112")):
            with self.assertRaises(PlanViolation, msg=levels):
                self.judge(run={"h": [1], "n": [n], "k": [k], "levels": [levels]}, pause=[4])
        self.config.capabilities = [verb for verb in self.config.capabilities if verb != "draft_request"]
        self.config.capabilities.append("draft_batch")
        self.judge(run=tree, pause=[4], draft_batch=5, draft_batch_levels="221")
        for batch in ("32", "1121", "311"):
            with self.assertRaises(PlanViolation, msg=batch):
                self.judge(run=tree, pause=[4], draft_batch=5, draft_batch_levels=batch)

    def test_bad_plans(self):
        bad = [
            dict(run={"h": [9], "n": [1]}), dict(run={"h": [1, 1], "n": [1, 1]}), dict(run={"h": [1], "n": [2]}),
            dict(run={"h": [1], "n": [0]}), dict(run={"h": [1], "n": [5], "k": [4]}), dict(run={"h": [1], "n": [1, 1]}),
            dict(run={"h": [2], "n": [5], "k": [1]}), dict(run={"h": [5], "n": [1]}), dict(run={"h": [3], "n": [1]}),
            dict(decode="all"), dict(decode="some"), dict(swap_cpu=[1]), dict(requeue=[3]), dict(requeue=[2]),
            dict(truncate={"h": [1], "keep_tokens": [20]}), dict(requeue=[1], run={"h": [1], "n": [1]}),
            dict(hold_us=1000, run={"h": [1], "n": [1]}), dict(hold_us=1), dict(hold_us=200_000), dict(speed=9),
            dict(order=[1]), dict(victims=[77]), dict(pause=[2]),
            dict(requeue=[1, 4], truncate={"h": [1], "keep_tokens": [4]}),
            dict(run={"h": [2], "n": [30]}),
        ]
        for body in bad:
            with self.assertRaises(PlanViolation, msg=str(body)):
                self.judge(**body)


class MirrorTests(unittest.TestCase):
    def test_a_rejected_step_says_where(self):
        mirror = Mirror({"model": {"pools": [{"blocks": 9}]}, "in_flight_max": 1, "now_us": 0})
        with self.assertRaises(Rejected) as caught:
            mirror.apply({"seq": 1, "now_us": 1, "kv_free_blocks": [9], "check": [0, 1, 0, 0, 0]})
        self.assertEqual(caught.exception.field, "/check/1")

    def settled(self, accepted, levels="421", drafted=None):
        """A decode of 7 drafts in a tree is launched and settled: the sums that the mirror then has."""
        mirror = Mirror({"model": {"pools": [{"blocks": 9}]}, "in_flight_max": 1, "now_us": 0})
        mirror.apply({
            "seq": 1, "now_us": 1, "kv_free_blocks": [9], "names": ["a"], "launched": {"seq": 0, "mode": "none"},
            "arrived": {"h": [1], "id": ["x"], "tenant": [0], "class": [0], "prompt": [20], "max_output": [99],
                        "age_us": [0]},
            "state": {"h": [1], "computed": [20], "output": [1], "running": [1]}, "check": [1, 0, 0, 20, 1]})
        mirror.plan = Plan({"run": {"h": [1], "n": [8], "k": [7], "levels": [levels]}}, {})
        launched = {"seq": 1} if drafted is None else {"seq": 1, "drafted": drafted}
        entry = {"seq": 1, "elapsed_us": 9} if accepted is None else {"seq": 1, "elapsed_us": 9, "accepted": accepted}
        computed, output = (23, 4) if accepted in ("2", None) else (24, 5)
        mirror.apply({"seq": 2, "now_us": 2, "kv_free_blocks": [9], "launched": launched, "settled": [entry],
                      "check": [1, 0, 0, computed, output]})

    def test_of_a_tree_at_most_a_path_is_right(self):
        self.settled("2")
        self.settled("3")
        # The first six in level order: two levels. The first alone is no tree any more, and may all be right.
        self.settled("2", drafted="6")
        for accepted, drafted in (("4", None), (None, None), ("3", "6")):
            with self.assertRaises(Rejected, msg=(accepted, drafted)) as caught:
                self.settled(accepted, drafted=drafted)
            self.assertEqual(caught.exception.field, "/settled/0/accepted")


class ReferenceRunTests(unittest.TestCase):
    """Two independent readings of the rules agree, faults included. Needs no executable."""

    def test_short_run(self):
        for seed in (1, 2, 3):
            with self.subTest(seed=seed), SidecarProcess("reference", policy="exerciser") as sidecar:
                world = World(seed, sidecar)
                world.run(2_500)
                self.assertGreater(world.counts["compared"], 0)
                self.assertGreater(world.counts["charges_compared"], 0)

    def test_the_judge_can_fail(self):
        """An engine that lies about one request is caught."""
        with SidecarProcess("reference", policy="exerciser") as sidecar:
            world = World(7, sidecar, chaos=0.0001)
            with self.assertRaises(Mismatch):
                for _ in range(200):
                    world.turn()
                    for rank in world.ranks:
                        running = [r for r in rank.engine.running if r.handle is not None and r.computed > 1]
                        if running:
                            running[0].computed -= 1


if __name__ == "__main__":
    unittest.main()
