"""One run of a real vLLM engine in this process: a workload in, token ids and counters out. Run as
`python -m vllm_tests.offline SPEC.json`; the spec names model, engine options, workload and where the result goes."""

import json
import os
import random
import sys
import time

CLASSES = ("interactive", "standard", "batch")


def workload(seed, count, prompt=(8, 200), output=(4, 48), vocabulary=1024, spread_steps=0, repeats=True):
    """Requests with random prompts; half of them repeat a phrase, so that an n-gram drafter finds something."""
    rng = random.Random(seed)
    requests = []
    for index in range(count):
        length = rng.randint(*prompt)
        ids = [rng.randrange(3, vocabulary) for _ in range(length)]
        if repeats and index % 2:
            phrase = ids[:max(4, length // 8)]
            ids = (phrase * (length // len(phrase) + 1))[:length]
        requests.append({
            "id": f"r{index}", "prompt": ids, "max_tokens": rng.randint(*output),
            "at_step": rng.randint(0, spread_steps), "tenant": f"tenant-{index % 2}", "class": CLASSES[index % 3]})
    requests.sort(key=lambda r: r["at_step"])
    return requests


def build_engine(spec):
    os.environ.setdefault("VLLM_ENABLE_V1_MULTIPROCESSING", "0")
    from vllm import LLM
    options = dict(
        model=spec["model"], dtype="float32", enforce_eager=True, seed=0, max_model_len=1024,
        enable_prefix_caching=False, disable_log_stats=True)
    options.update(spec.get("engine", {}))
    return LLM(**options)


def scheduler_of(llm):
    return llm.llm_engine.engine_core.engine_core.scheduler


def run_batch(llm, requests, on_step=None):
    """Feeds the engine by step, so that two runs see the same arrivals. Returns token ids by request."""
    from vllm import SamplingParams
    engine = llm.llm_engine
    waiting, outputs, step, finished, texts = list(requests), {}, 0, {}, {}
    while waiting or engine.has_unfinished_requests():
        while waiting and waiting[0]["at_step"] <= step:
            request = waiting.pop(0)
            engine.add_request(
                request["id"], {"prompt_token_ids": request["prompt"]},
                SamplingParams(
                    temperature=0, max_tokens=request["max_tokens"], ignore_eos=True,
                    extra_args={"coxswain_tenant": request["tenant"], "coxswain_class": request["class"]}))
        for output in engine.step():
            if output.finished:
                outputs[output.request_id] = list(output.outputs[0].token_ids)
                texts[output.request_id] = output.outputs[0].text
                finished[output.request_id] = output.outputs[0].finish_reason
        step += 1
        if on_step is not None:
            on_step(step)
    return {"outputs": outputs, "texts": texts, "finish_reasons": finished, "steps": step}


def main(path):
    with open(path, encoding="utf-8") as file:
        spec = json.load(file)
    began = time.monotonic()
    llm = build_engine(spec)
    loaded_s = time.monotonic() - began
    runs = []
    for batch in spec["workloads"]:
        began = time.monotonic()
        run = run_batch(llm, workload(**batch))
        run["seconds"] = time.monotonic() - began
        conductor = getattr(scheduler_of(llm), "coxswain", None)
        if conductor is not None:
            run["counters"] = {**conductor.counters.summary(), "healed": conductor.ledger.healed}
        runs.append(run)
    with open(spec["result"], "w", encoding="utf-8") as file:
        json.dump({"loaded_s": loaded_s, "runs": runs}, file)


if __name__ == "__main__":
    main(sys.argv[1])
