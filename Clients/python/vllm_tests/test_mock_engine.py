"""vLLM's real scheduler classes under the real sidecar, with a model that only counts: random plans with every verb,
tight blocks, drafts, aborts, one or two iterations in flight. No token may be lost, doubled or wrong."""

import os
import random
import unittest

from . import support
from .mock_engine import MockEngine, build_scheduler, make_request
from .offline import CLASSES

DEADLINE_MS = "500"


def play(scheduler_class, model, folder, seed, steps, **options):
    """Requests come and go for `steps` iterations; then all are served. Returns the engine and its conductor."""
    os.environ["COXSWAIN_RUNTIME_DIR"], os.environ["COXSWAIN_DEADLINE_MS"] = folder, DEADLINE_MS
    rng = random.Random(seed)
    scheduler = build_scheduler(scheduler_class, model, **options)
    engine = MockEngine(scheduler, seed=seed, drafts=options.get("drafts", 0))
    serial = 0
    while engine.steps < steps or engine.live:
        if engine.steps < steps and len(engine.live) < 40 and rng.random() < 0.7:
            serial += 1
            engine.add(make_request(f"s{seed}r{serial}", rng.randint(1, 200), rng.randint(1, 40), extra={
                "coxswain_tenant": f"t{serial % 3}", "coxswain_class": CLASSES[serial % 3]}))
        if engine.live and rng.random() < 0.01:
            engine.abort(rng.choice(sorted(engine.live)))
        engine.step()
        if engine.steps > 50 * steps:
            raise AssertionError(f"seed {seed}: {len(engine.live)} requests are never served")
    return engine, scheduler.coxswain


class MockEngineTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        from coxswain.vllm.scheduler import CoxswainAsyncScheduler, CoxswainScheduler
        cls.sync_class, cls.async_class = CoxswainScheduler, CoxswainAsyncScheduler
        cls.model = support.model()

    def sidecar(self, policy):
        sidecar = support.Sidecar(policy)
        self.addCleanup(sidecar.close)
        return sidecar

    def check(self, engine, conductor, what):
        counts = conductor.counters.counts
        self.assertEqual(engine.wrong_outputs(), [], what)
        self.assertEqual(counts["faults"], 0, what)
        self.assertEqual(counts["invalid_plans"], 0, what)
        self.assertEqual(counts["resyncs"], 0, what)
        self.assertEqual(counts["unusable_replies"], 0, what)
        self.assertEqual(conductor.ledger.healed, 0, what)
        self.assertGreater(counts["plans"], engine.steps // 2, what)
        conductor.close()
        return counts

    def test_random_plans(self):
        sidecar = self.sidecar("exerciser")
        total = {}
        for seed, options in enumerate((
                {}, {"drafts": 3}, {"blocks": 60}, {"drafts": 3, "blocks": 60, "prefix_caching": True},
                {"blocks": 60, "full_prompt": False})):
            engine, conductor = play(self.sync_class, self.model, sidecar.folder, seed, 600, **options)
            for name, count in self.check(engine, conductor, f"seed {seed}, {options}").items():
                total[name] = total.get(name, 0) + count
        for name in ("chunks_followed", "pauses_followed", "requeues_followed", "admissions_followed", "drafts_trimmed",
                     "engine_preemptions", "victims_ordered"):
            self.assertGreater(total.get(name, 0), 20, f"{name} hardly happened: {total}")
        self.assertEqual(total["chunks_exceeded"], 0)

    def test_random_plans_with_two_iterations_in_flight(self):
        sidecar = self.sidecar("exerciser")
        for seed, options in enumerate(({}, {"drafts": 3}, {"blocks": 60}, {"drafts": 3, "blocks": 60}), 100):
            engine, conductor = play(
                self.async_class, self.model, sidecar.folder, seed, 600, async_scheduling=True, **options)
            counts = self.check(engine, conductor, f"seed {seed}, {options}")
            self.assertEqual(engine.depth, 2)
            self.assertGreater(engine.most_in_flight, 1)
            self.assertGreater(counts["chunks_followed"], 20)

    def test_plans_of_vllms_own_rules_are_executed_to_the_letter(self):
        """Three workloads: decodes, prompts of all lengths, tight blocks with drafts."""
        sidecar = self.sidecar(support.POLICIES / "vllm-v1-drafts.json")
        for seed, options in enumerate((
                {"blocks": 2000}, {"blocks": 2000, "step_tokens": 64}, {"drafts": 3, "blocks": 80})):
            engine, conductor = play(self.sync_class, self.model, sidecar.folder, 200 + seed, 600, **options)
            counts = self.check(engine, conductor, f"seed {seed}, {options}")
            share = counts["plans_as_planned"] / counts["plans"]
            self.assertGreaterEqual(share, 0.99, f"{options}: {share:.4f} of {counts['plans']} plans")


if __name__ == "__main__":
    unittest.main()
