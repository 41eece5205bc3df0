"""Names of prefixes: the independent mirror, the engine's check of plans, and the reader that adapters use."""

import random
import unittest

from coxswain.adapter.plan import PlanError, read_plan
from coxswain.examples import register
from coxswain.model.config import EngineConfig
from coxswain.model.engine import Engine
from coxswain.model.mirror import Mirror, Rejected
from coxswain.model.plan import Plan, PlanViolation, Seen, check_cache
from coxswain.model.planner import Planner
from coxswain.model.prefixes import is_key_string, keys_of, takes_prefixes

A, B, C = (f"{number:016x}" for number in (0xa, 0xb, 0xc))


def step(seq=1, **members):
    return {"epoch": 1, "seq": seq, "now_us": seq, "kv_free_blocks": [900], **members}


def arrived(h, **columns):
    return {"h": [h], "id": [f"r{h}"], "tenant": [0], "class": [0], "prompt": [64], "max_output": [4], "age_us": [0],
            **columns}


class KeyTests(unittest.TestCase):
    def test_keys_in_a_row(self):
        self.assertEqual(keys_of(A + B), [A, B])
        self.assertEqual(keys_of(""), [])
        self.assertTrue(is_key_string(A + B, 2))
        for text in (A + B + C, A[1:], A.upper(), 7, None):
            self.assertFalse(is_key_string(text, 2), text)

    def test_who_takes_them(self):
        message = register()
        self.assertFalse(takes_prefixes(message))
        message["prefix_cache"] = {"block_tokens": 32}
        self.assertFalse(takes_prefixes(message))
        message["capabilities"] = ["kv_pin"]
        self.assertTrue(takes_prefixes(message))


class MirrorTests(unittest.TestCase):
    def setUp(self):
        self.mirror = Mirror(register())

    def test_keys_are_kept(self):
        self.mirror.apply(step(names=["t"], kv_cached_blocks=[7], arrived=arrived(1, prefix=[A + B], tier_tokens=[16])))
        self.assertEqual(self.mirror.entries[1].prefix_keys, [A, B])
        self.assertEqual(self.mirror.told_keys, {A, B})

    def test_broken_columns_are_rejected(self):
        for field, members in (
                ("/arrived/prefix", {"arrived": arrived(1, prefix=[A, B])}),
                ("/arrived/prefix", {"arrived": arrived(1, prefix=["7"])}),
                ("/arrived/prefix", {"arrived": arrived(1, prefix=[A * 257])}),
                ("/arrived/tier_tokens", {"arrived": arrived(1, tier_tokens=[-1])}),
                ("/kv_cached_blocks", {"kv_cached_blocks": [1, 2]}),
                ("/kv_cached_blocks", {"kv_cached_blocks": [-1]})):
            with self.assertRaises(Rejected) as caught:
                Mirror(register()).apply(step(names=["t"], **members))
            self.assertEqual(caught.exception.field, field, members)

    def test_the_planner_names_only_what_it_may(self):
        message = register()
        message.update(prefix_cache={"block_tokens": 32}, capabilities=["kv_evict", "chunk"])
        mirror = Mirror(message)
        mirror.apply(step(names=["t"], arrived=arrived(1, prefix=[A])))
        mirror.apply(step(2, launched={"seq": 1, "mode": "none"}, arrived=arrived(2, prefix=[B]),
                          removed={"h": [1], "why": ["stop"]}))
        found = set()
        for seed in range(40):
            cache = Planner(message, random.Random(seed), calm=False).plan(mirror, 1).get("cache", {})
            self.assertLessEqual(set(cache), {"watermark_blocks", "evict"})
            found.update(cache.get("evict", ()))
        self.assertEqual(found, {A})


class PlanTests(unittest.TestCase):
    """Every rule about names catches its violation."""

    def setUp(self):
        rng = random.Random(3)
        self.config = EngineConfig(rng)
        self.config.capabilities = ["kv_evict", "kv_pin", "kv_prefetch"]
        self.config.prefix_unit_tokens = 8
        request = Engine(self.config, rng, "e").arrive()
        request.prefix_keys = [A]
        self.seen = {1: Seen(request, False)}

    def check(self, told=(A, B, C), pinned=(), **cache):
        plan = Plan({"cache": {"watermark_blocks": [0], **cache}}, self.seen)
        check_cache(plan, self.seen, self.config, set(told), set(pinned))

    def test_a_good_plan(self):
        self.check(evict=[B], pin=[A], prefetch=[A])
        self.check(unpin=[C], pinned=[C])

    def test_violations(self):
        for why, cache in {
                "in use": {"evict": [A]}, "twice": {"evict": [B, B]}, "never named": {"evict": ["f" * 16]},
                "nobody's": {"prefetch": [B]}, "not pinned": {"unpin": [A]}, "no key": {"pin": ["a"]},
                "kept and evicted": {"evict": [B], "pin": [B]}}.items():
            with self.assertRaises(PlanViolation, msg=why):
                self.check(**cache)
        with self.assertRaises(PlanViolation):
            self.check(pin=[A], pinned=[A])
        self.config.capabilities = ["kv_pin"]
        with self.assertRaises(PlanViolation):
            self.check(evict=[B])
        self.config.prefix_unit_tokens = 0
        with self.assertRaises(PlanViolation):
            self.check(pin=[A])


class ReaderTests(unittest.TestCase):
    def read(self, cache, *verbs):
        return read_plan({"cache": cache}, {}, frozenset(verbs), 64, 0)

    def test_lists_are_read(self):
        plan = self.read({"watermark_blocks": [0], "evict": [A], "unpin": [B]}, "kv_evict", "kv_pin")
        self.assertEqual((plan.evict, plan.pin, plan.unpin, plan.prefetch), ([A], [], [B], []))
        plan = read_plan({}, {}, frozenset(), 64, 0)
        self.assertEqual((plan.evict, plan.pin, plan.unpin, plan.prefetch), ([], [], [], []))

    def test_what_was_not_declared_is_refused(self):
        for field in ("evict", "pin", "unpin", "prefetch"):
            with self.assertRaises(PlanError, msg=field):
                self.read({"watermark_blocks": [0], field: [A]})

    def test_broken_lists_are_refused(self):
        for cache in ([], {"evict": [A, A]}, {"evict": ["A"]}, {"evict": A}, {"evict": [A.upper()]}, {"evict": [7]},
                      {"evict": [f"{number:016x}" for number in range(257)]}):
            with self.assertRaises(PlanError, msg=str(cache)[:60]):
                self.read(cache, "kv_evict")


if __name__ == "__main__":
    unittest.main()
