"""The real engine on a CPU: offline and served, with random plans of every verb, and with a sidecar that is killed,
stopped, slow or talks nonsense. Greedy outputs in fp32 must be those of vLLM without Coxswain, and nobody's request may
fail."""

import functools
import json
import os
import signal
import tempfile
import threading
import time
import unittest

from coxswain.paths import engine_socket

from . import support
from .offline import workload
from .proxy import FaultyProxy
from .serving import Server

SCHEDULER = "coxswain.vllm.CoxswainScheduler"
DRAFTER = {"method": "ngram", "num_speculative_tokens": 3, "prompt_lookup_max": 4, "prompt_lookup_min": 1}
ENGINE = {"num_gpu_blocks_override": 40, "max_num_seqs": 16, "max_num_batched_tokens": 256, "block_size": 32}
SERVE = ("--num-gpu-blocks-override", 40, "--max-num-seqs", 16, "--max-num-batched-tokens", 256)
WORKLOADS = [{"seed": 2, "count": 60, "spread_steps": 80}, {"seed": 3, "count": 60, "spread_steps": 20}]
SERVED = {"seed": 9, "count": 48, "output": (8, 32)}
# The machine that tests may be busy; that a plan comes in time is measured elsewhere (Docs/benchmarks.md).
DEADLINE_MS = 500
BACK_TIMEOUT_S = 30


def run_offline(engine, workloads, **environment):
    with tempfile.TemporaryDirectory() as folder:
        spec, result = os.path.join(folder, "spec.json"), os.path.join(folder, "result.json")
        with open(spec, "w", encoding="utf-8") as file:
            json.dump({"model": support.model(), "engine": engine, "workloads": workloads, "result": result}, file)
        support.run_module("vllm_tests.offline", spec, **environment)
        with open(result, encoding="utf-8") as file:
            return json.load(file)["runs"]


@functools.lru_cache(maxsize=1)
def stock_runs():
    """What vLLM without Coxswain answers: to the offline workloads, then to the requests that are served."""
    return run_offline({**ENGINE, "speculative_config": DRAFTER}, [*WORKLOADS, SERVED])


class OfflineTest(unittest.TestCase):
    def test_outputs_are_those_of_stock_vllm(self):
        engine, stock = {**ENGINE, "speculative_config": DRAFTER}, stock_runs()
        sidecar = support.Sidecar("exerciser")
        self.addCleanup(sidecar.close)
        ours = run_offline(
            {**engine, "scheduler_cls": SCHEDULER}, WORKLOADS, COXSWAIN_RUNTIME_DIR=sidecar.folder,
            COXSWAIN_DEADLINE_MS=DEADLINE_MS)
        for one, other in zip(stock, ours):
            self.assertEqual(one["outputs"], other["outputs"])
            self.assertEqual(one["finish_reasons"], other["finish_reasons"])
        counts = ours[-1]["counters"]
        for name in ("chunks_followed", "pauses_followed", "requeues_followed", "engine_preemptions",
                     "admissions_followed", "drafts_planned", "drafts_trimmed", "victims_ordered"):
            self.assertGreater(counts.get(name, 0), 0, f"{name}: {counts}")
        for name in ("faults", "invalid_plans", "resyncs", "unusable_replies", "chunks_exceeded"):
            self.assertEqual(counts.get(name, 0), 0, f"{name}: {counts}")
        self.assertGreater(counts["admissions_planned"], counts["admissions_followed"], "nobody was ever turned away")


class ServeTest(unittest.TestCase):
    """One server for all tests; its sidecar sits behind a proxy that can spoil what it says."""

    @classmethod
    def setUpClass(cls):
        cls.requests = workload(**SERVED)
        texts = stock_runs()[-1]["texts"]
        cls.expected = [(200, texts[request["id"]]) for request in cls.requests]
        cls.sidecar = support.Sidecar("exerciser")
        cls.addClassCleanup(cls.sidecar.close)
        cls.folder = tempfile.mkdtemp(prefix="coxswain-proxy-")
        cls.proxy = FaultyProxy(engine_socket(cls.folder), engine_socket(cls.sidecar.folder))
        cls.addClassCleanup(cls.proxy.close)
        cls.server = Server(
            support.model(), *SERVE, scheduler=SCHEDULER, COXSWAIN_RUNTIME_DIR=cls.folder,
            COXSWAIN_DEADLINE_MS=DEADLINE_MS, COXSWAIN_SERVER_ID="tested")
        cls.addClassCleanup(cls.server.close)

    def serve_through(self, fault=None):
        """All requests, with a fault in the middle. Every answer must be the expected one."""
        failed = []

        def soon():
            try:
                time.sleep(0.3)
                fault()
            except Exception as error:
                failed.append(error)

        thread = threading.Thread(target=soon)
        if fault:
            thread.start()
        answers = self.server.complete_all(self.requests)
        if fault:
            thread.join()
        self.assertEqual(failed, [])
        self.assertEqual({status for status, _ in answers}, {200})
        self.assertEqual(answers, self.expected)

    def plans(self):
        return self.server.stats().get("plans", 0)

    def wait_until_back(self):
        """More requests until plans are carried out again."""
        until, before = time.monotonic() + BACK_TIMEOUT_S, None
        while time.monotonic() < until:
            self.server.complete_all(self.requests[:6])
            time.sleep(1.1)
            self.server.complete_all(self.requests[:1])
            before, now = now if before is not None else self.plans(), self.plans()
            if now > before > 0:
                return
        self.fail(f"not back under the sidecar: {self.server.stats()}\n{self.server.log()[-3000:]}")

    def test_1_concurrent_clients_get_the_answers_of_stock_vllm(self):
        self.serve_through()
        self.wait_until_back()
        stats = self.server.stats()
        for name in ("chunks_followed", "requeues_followed", "pauses_followed", "admissions_followed"):
            self.assertGreater(stats.get(name, 0), 0, stats)
        sessions = self.sidecar.status()["sessions"]
        self.assertEqual([s["server_id"] for s in sessions], ["tested"])
        self.assertEqual(sessions[0]["engine"], "vllm")
        tenants = {tenant["name"] for tenant in self.sidecar.status()["tenants"]}
        self.assertEqual(tenants, {"tenant-0", "tenant-1"})

    def test_2_killed_and_started_again(self):
        self.serve_through(self.sidecar.kill)
        registers = self.server.stats()["registers"]
        self.sidecar.start()
        self.wait_until_back()
        self.assertGreater(self.server.stats()["registers"], registers)

    def test_3_stopped_for_a_while(self):
        self.serve_through(lambda: self.sidecar.signal(signal.SIGSTOP))
        self.sidecar.signal(signal.SIGCONT)
        self.wait_until_back()
        self.assertGreater(self.server.stats()["late"], 0)

    def spoil(self, mode, count):
        def fault():
            before = self.proxy.spoiled
            self.proxy.mode = mode
            until = time.monotonic() + BACK_TIMEOUT_S
            while self.proxy.spoiled < before + count and time.monotonic() < until:
                time.sleep(0.01)
        try:
            self.serve_through(fault)
        finally:
            self.proxy.mode = "pass"
        self.wait_until_back()

    def test_4_garbage(self):
        self.spoil("garbage", 1)
        self.assertGreater(self.server.stats()["unusable_replies"], 0)

    def test_5_plans_for_requests_that_do_not_exist(self):
        self.spoil("wrong_plan", 1)
        stats = self.server.stats()
        self.assertGreater(stats["invalid_plans"], 0)
        self.assertEqual(stats.get("faults", 0), 0)

    def test_6_slow_answers(self):
        self.proxy.delay_s = 2.5 * DEADLINE_MS / 1000
        self.spoil("slow", 1)
        self.assertGreater(self.server.stats()["own_late"], 0)


if __name__ == "__main__":
    unittest.main()
