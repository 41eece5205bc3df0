"""What Coxswain adds to one step at 256 running + 1,000 waiting: vLLM's own scheduler and ours in one process, turn by
turn, over the real sidecar. `python -m vllm_tests.cost --model DIR [--steps N]`; $COXSWAIN_RUNTIME_DIR says where the
sidecar is."""

import argparse
import gc
import json
import time

from .mock_engine import MockEngine, build_scheduler, make_request


def engine(scheduler_class, model, running, waiting, prompt, async_scheduling):
    scheduler = build_scheduler(
        scheduler_class, model, sequences=running, step_tokens=8192, blocks=running * 200, length=4096,
        async_scheduling=async_scheduling)
    mock = MockEngine(scheduler)
    for index in range(running + waiting):
        mock.add(make_request(f"r{index}", prompt, 3000))
    while sum(not r.is_prefill_chunk for r in scheduler.running) < running:
        mock.step()
    return mock


def timed(mock, times):
    """One turn of an engine's loop: the last iteration's result comes, and at once the next one is scheduled."""
    scheduler = mock.scheduler
    update, spent = scheduler.update_from_output, []

    def measured(*arguments):
        began = time.perf_counter()
        answer = update(*arguments)
        spent.append((time.perf_counter() - began) * 1e6)
        return answer

    scheduler.update_from_output = measured
    while len(mock.in_flight) >= mock.depth:
        mock._finish()
    del scheduler.update_from_output
    began = time.perf_counter()
    output = scheduler.schedule()
    took_us = (time.perf_counter() - began) * 1e6
    # The model runs from here on; vLLM asks for this meanwhile.
    scheduler.get_grammar_bitmask(output)
    mock.in_flight.append((output, mock._launch(output)))
    times["schedule"].append(took_us)
    times["update"].append(sum(spent))
    times["both"].append(took_us + sum(spent))


def percentile(values, share):
    return sorted(values)[min(len(values) - 1, int(share * len(values)))]


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--model", required=True)
    parser.add_argument("--steps", type=int, default=1000)
    parser.add_argument("--running", type=int, default=256)
    parser.add_argument("--waiting", type=int, default=1000)
    parser.add_argument("--pause-ms", type=float, default=1)
    parser.add_argument("--async-scheduling", action="store_true")
    options = parser.parse_args()
    from vllm.v1.core.sched.async_scheduler import AsyncScheduler
    from vllm.v1.core.sched.scheduler import Scheduler

    from coxswain.vllm.scheduler import CoxswainAsyncScheduler, CoxswainScheduler
    classes = (AsyncScheduler, CoxswainAsyncScheduler) if options.async_scheduling else (Scheduler, CoxswainScheduler)
    engines = [
        engine(c, options.model, options.running, options.waiting, 512, options.async_scheduling) for c in classes]
    times = [{"schedule": [], "update": [], "both": []} for _ in engines]
    gc.collect()
    gc.freeze()
    for mock in engines:
        for _ in range(50):
            mock.step()
    counters = engines[1].scheduler.coxswain.counters
    before = dict(counters.counts)
    for _ in range(options.steps):
        for mock, taken in zip(engines, times):
            # An engine waits for its accelerator between two turns.
            time.sleep(options.pause_ms / 1000)
            timed(mock, taken)
    result = {}
    for part in ("schedule", "update", "both"):
        for share, name in ((0.5, "p50"), (0.99, "p99")):
            stock, ours = percentile(times[0][part], share), percentile(times[1][part], share)
            result[f"{part}_{name}"] = {
                "stock_us": round(stock), "coxswain_us": round(ours), "added_us": round(ours - stock),
                "share_of_stock_schedule": round((ours - stock) / percentile(times[0]["schedule"], share), 3)}
    result["counts"] = {name: count - before.get(name, 0) for name, count in counters.counts.items()}
    result["client"] = counters.summary()["client_us"]
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
