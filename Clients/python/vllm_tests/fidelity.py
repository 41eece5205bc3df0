"""How closely vLLM follows each verb: random plans of the sidecar's `exerciser` policy, carried out by the real
scheduler, with the batch full, blocks tight and an n-gram drafter on.

  python -m vllm_tests.fidelity --steps 10000            vLLM's scheduler with a model that only counts
  python -m vllm_tests.fidelity --steps 10000 --engine   the whole engine on a CPU (slow)
  ... --only chunk                                       one verb at a time

Prints one JSON object per run; Docs/vllm.md has the table."""

import argparse
import json
import os

from . import support

VERBS = ("order", "hold", "budget", "sequences", "chunk", "pause", "requeue", "victim_order", "draft_request")
COUNTED = ("chunks", "pauses", "requeues", "admissions", "orders", "drafts", "victims")


def table(counters):
    """Share followed and number planned, by what was counted."""
    rows = {}
    for name in COUNTED:
        planned = counters.get(name + "_planned", 0)
        if planned:
            rows[name] = {"planned": planned, "followed_percent": round(
                100 * counters.get(name + "_followed", 0) / planned, 2)}
    return rows


def run_mock(options, folder):
    from coxswain.vllm.scheduler import CoxswainScheduler

    from .test_mock_engine import play
    engine, conductor = play(
        CoxswainScheduler, support.model(), folder, options.seed, options.steps, drafts=3, blocks=60)
    wrong = engine.wrong_outputs()
    counters = {**conductor.counters.summary(), "healed": conductor.ledger.healed}
    conductor.close()
    return engine.steps, wrong, counters


def run_engine(options, folder):
    wanted = ("HF_", "VLLM_", "OMP_", "NUMBA_")
    os.environ.update({name: value for name, value in support.offline_environment().items() if name.startswith(wanted)})
    os.environ.update(COXSWAIN_RUNTIME_DIR=folder, COXSWAIN_DEADLINE_MS="500")
    from .offline import build_engine, run_batch, scheduler_of, workload
    from .test_engine import DRAFTER, ENGINE, SCHEDULER
    llm = build_engine({"model": support.model(), "engine": {
        **ENGINE, "speculative_config": DRAFTER, "scheduler_cls": SCHEDULER}})
    steps = batch = 0
    while steps < options.steps:
        requests = workload(seed=options.seed + batch, count=400, spread_steps=600)
        for request in requests:
            request["id"] = f"b{batch}{request['id']}"
        steps += run_batch(llm, requests)["steps"]
        batch += 1
    conductor = scheduler_of(llm).coxswain
    return steps, [], {**conductor.counters.summary(), "healed": conductor.ledger.healed}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--engine", action="store_true")
    parser.add_argument("--only", action="append", default=[], choices=VERBS)
    options = parser.parse_args()
    if options.only:
        os.environ["COXSWAIN_WITHOUT_VERBS"] = ",".join(set(VERBS) - {"order", "hold"} - set(options.only))
    sidecar = support.Sidecar("exerciser")
    try:
        steps, wrong, counters = (run_engine if options.engine else run_mock)(options, sidecar.folder)
    finally:
        sidecar.close()
    print(json.dumps({
        "steps": steps, "plans": counters["plans"], "wrong_outputs": len(wrong), "verbs": table(counters),
        "engine_preemptions": counters.get("engine_preemptions", 0), "requeues": counters.get("requeues", 0),
        "chunks_exceeded": counters.get("chunks_exceeded", 0), "resyncs": counters.get("resyncs", 0),
        "invalid_plans": counters.get("invalid_plans", 0), "faults": counters.get("faults", 0),
        "healed": counters["healed"]}))


if __name__ == "__main__":
    main()
