"""What a sidecar that is killed, stopped, slow or talks nonsense costs vLLM's scheduler: time per step inside the
client, requests that failed, and how soon plans are back. vLLM's real Scheduler with a model that only counts and 4 ms
per iteration, the real sidecar. `python -m vllm_tests.faults [--seconds 3]`; leave the machine alone, times are
wall-clock."""

import argparse
import json
import os
import random
import shutil
import signal
import tempfile
import time

from coxswain.paths import engine_socket

from . import support
from .mock_engine import MockEngine, build_scheduler, make_request
from .proxy import SeparateProxy

DEADLINE_MS = 2.0
ITERATION_S = 0.004
AFTER_S = 3.0
SLOW_S = 0.01


class Scene:
    def __init__(self, fault_s):
        self.fault_s = fault_s
        from coxswain.vllm.scheduler import CoxswainScheduler
        self.sidecar = support.Sidecar("vllm-v1")
        self.folder = tempfile.mkdtemp(prefix="coxswain-proxy-")
        self.proxy = SeparateProxy(engine_socket(self.folder), engine_socket(self.sidecar.folder))
        self.direct = None
        self.scheduler_class, self.rng, self.serial = CoxswainScheduler, random.Random(1), 0
        self.start(self.sidecar.folder)

    def start(self, folder):
        scheduler = build_scheduler(
            self.scheduler_class, support.model(), sequences=64, step_tokens=512, blocks=2000,
            additional_config={"coxswain": {"runtime_dir": folder, "deadline_ms": DEADLINE_MS}})
        self.engine, self.conductor = MockEngine(scheduler), scheduler.coxswain

    def run(self, seconds, until=None):
        """Serves for so long; returns when `until` became true, in seconds, or None."""
        began_s = time.monotonic()
        while time.monotonic() - began_s < seconds:
            while len(self.engine.live) < 48:
                self.serial += 1
                self.engine.add(make_request(f"r{self.serial}", self.rng.randint(5, 200), self.rng.randint(5, 60)))
            self.engine.step()
            time.sleep(ITERATION_S)
            if until is not None and until():
                return time.monotonic() - began_s
        return None

    def fault(self, name, begin, end):
        """One fault in the middle of the load."""
        counters = self.conductor.counters
        self.run(1.0)
        counters.client_us, counters.overruns, counters.client_us_max = [0] * len(counters.client_us), 0, 0
        begin()
        self.run(self.fault_s)
        end()
        plans = counters["plans"]
        back_s = self.run(AFTER_S, lambda: counters["plans"] > plans)
        self.run(1.0)
        steps = sum(counters.client_us)
        return {
            "fault": name, "steps": steps, "over_deadline_plus_1ms": counters.overruns,
            "kept_percent": round(100 * (1 - counters.overruns / steps), 2), "p999_us": counters.percentile_us(0.999),
            "max_us": counters.client_us_max, "back_after_ms": None if back_s is None else round(1000 * back_s),
            "wrong_outputs": len(self.engine.wrong_outputs())}

    def drain(self):
        while self.engine.live:
            self.engine.step()
        return len(self.engine.wrong_outputs())

    def close(self):
        self.conductor.close()
        self.proxy.close()
        self.sidecar.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=3, help="how long each fault lasts; a step takes about 8 ms")
    options = parser.parse_args()
    os.environ.update({k: v for k, v in support.offline_environment().items() if k.startswith(("HF_", "VLLM_"))})
    scene = Scene(options.seconds)
    sidecar, proxy = scene.sidecar, scene.proxy

    rows = [
        scene.fault("none", lambda: None, lambda: None),
        scene.fault("kill -9", sidecar.kill, sidecar.start),
        scene.fault("SIGSTOP", lambda: sidecar.signal(signal.SIGSTOP), lambda: sidecar.signal(signal.SIGCONT)),
    ]
    lost = scene.drain()
    scene.conductor.close()
    scene.start(scene.folder)
    for name in ("slow", "garbage", "wrong_plan"):
        rows.append(scene.fault(name, lambda name=name: proxy.set(name, SLOW_S), lambda: proxy.set("pass", 0.0)))
    lost += scene.drain()
    scene.close()
    for row in rows:
        print(json.dumps(row))
    steps, over = (sum(row[key] for row in rows) for key in ("steps", "over_deadline_plus_1ms"))
    print(json.dumps({"wrong_or_lost_requests": lost, "requests": scene.serial, "steps": steps,
                      "kept_percent": round(100 * (1 - over / steps), 3)}))


if __name__ == "__main__":
    main()
