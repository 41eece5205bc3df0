"""What Coxswain is worth on a real vLLM on a CPU: stock fcfs, stock priority and Coxswain, turn by turn.

  python -m vllm_tests.benefit --out result.json                  5 rounds, three loads: leave the machine alone
  python -m vllm_tests.benefit --rounds 1 --seconds 20 --loads 1  a short look
  python -m vllm_tests.benefit --split --loads 0.5 --rounds 3     with one kind of verb alone, beside all of them
  python -m vllm_tests.benefit --rounds 0 --backlog-seconds 90    what two tenants get that both always wait
  python -m vllm_tests.benefit --beside other.json                Coxswain with another policy beside them

First the unloaded server is measured: 5 times its TTFT and twice its TPOT are the interactive SLO, set
before the first loaded run. Then each round serves each load, with a fresh seed, by all three servers in random order.
Everything is in the JSON file: SLOs, every run, medians and the range of the rounds. Loads are shares of the rate at
which the stock server, saturated, finishes requests of this mix.

"rate_in_slo": the largest rate at which 95 % of the interactive requests are in SLO, by straight lines between the
loads measured (and all of them at no load); a server that holds 95 % at the largest load is given that one, no more."""

import argparse
import asyncio
import json
import os
import random
import statistics
import time

from . import support
from .serving import Server

MODEL = dict(hidden=384, layers=6, heads=6, intermediate=1056)
OPTIONS = ("--max-num-seqs", 24, "--max-num-batched-tokens", 512, "--num-gpu-blocks-override", 400)
SCHEDULER = "coxswain.vllm.CoxswainScheduler"
# name, share of requests, prompt tokens, output tokens, priority for stock `priority`
CLASSES = (
    ("interactive", 0.5, (16, 96), (8, 24), 0), ("standard", 0.3, (64, 384), (16, 48), 1),
    ("batch", 0.2, (384, 900), (48, 96), 2))
# Verbs that may be declared alone, to see what each is worth.
VERBS = {
    "order": ("order", "hold", "sequences"), "chunk": ("chunk", "budget"), "pause": ("pause",),
    "preempt": ("requeue", "victim_order")}
# One tenant sends three times as much as the other.
GREEDY_SHARE = 0.75
#: Coxswain is told this share of the SLOs, as an operator would: clients measure theirs behind HTTP and tokenizers.
TOLD_SHARE = 0.9
GOAL = 0.95
GIVEN_UP = "given up"
WINDOW_S = 30
SERVICE_STEP_S = 1
#: Requests that each tenant has under way in the run with both backlogged: the greedy one three times as many, and
#: either of them more than there are places.
BACKLOG = {"greedy": 90, "modest": 30}
WARM_UP = 8
VOCABULARY = 1024


def make_model(folder):
    """Larger than the model of the tests, so that an iteration costs what its tokens cost and not only Python."""
    if os.path.exists(os.path.join(folder, "config.json")):
        return folder
    import shutil

    import torch
    from transformers import LlamaConfig, LlamaForCausalLM
    small = support.model()
    torch.manual_seed(11)
    LlamaForCausalLM(LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=MODEL["hidden"], intermediate_size=MODEL["intermediate"],
        num_hidden_layers=MODEL["layers"], num_attention_heads=MODEL["heads"], num_key_value_heads=MODEL["heads"],
        max_position_embeddings=2048, bos_token_id=1, eos_token_id=2, pad_token_id=0)).save_pretrained(folder)
    for name in os.listdir(small):
        if name.startswith(("tokenizer", "special")):
            shutil.copy(os.path.join(small, name), folder)
    return folder


def request_of(rng):
    name, _, prompt, output, priority = rng.choices(CLASSES, [c[1] for c in CLASSES])[0]
    return {
        "class": name, "tenant": "greedy" if rng.random() < GREEDY_SHARE else "modest", "priority": priority,
        "prompt": [rng.randrange(3, VOCABULARY) for _ in range(rng.randint(*prompt))],
        "max_tokens": rng.randint(*output)}


class Bench:
    def __init__(self, servers, http):
        self.servers, self.http = servers, http

    async def one(self, server, request, began_s):
        """Sends one request and notes when its tokens came."""
        body = {
            "prompt": request["prompt"], "max_tokens": request["max_tokens"], "temperature": 0, "ignore_eos": True,
            "stream": True, "vllm_xargs": {
                "coxswain_tenant": request["tenant"], "coxswain_class": request["class"]}}
        if server.name == "priority":
            body["priority"] = request["priority"]
        sent_s, times, failed = time.monotonic(), [], None
        try:
            async with self.http.post(f"http://127.0.0.1:{server.port}/v1/completions", json=body) as response:
                failed = None if response.status == 200 else response.status
                async for line in response.content:
                    if line.startswith(b"data: {"):
                        times.append(time.monotonic())
        except asyncio.CancelledError:
            failed = GIVEN_UP
        except Exception as error:
            failed = repr(error)
        tokens = len(times) if failed == GIVEN_UP else 0 if failed else request["max_tokens"]
        return {
            "class": request["class"], "tenant": request["tenant"], "sent_s": sent_s - began_s, "failed": failed,
            "prompt": len(request["prompt"]), "tokens": tokens,
            "token_s": [time_s - began_s for time_s in times],
            "ttft_s": times[0] - sent_s if times else None, "last_s": times[-1] - began_s if times else None,
            # A chunk may carry several tokens when the client is late: their number is known without counting.
            "tpot_s": (times[-1] - times[0]) / (request["max_tokens"] - 1) if len(times) > 1 else None}

    async def load(self, server, rate, seconds, seed):
        """Open loop: Poisson arrivals, whatever the server does."""
        rng, tasks, began_s, at_s = random.Random(seed), [], time.monotonic(), 0.0
        while at_s < seconds:
            at_s += rng.expovariate(rate)
            request = request_of(rng)
            await asyncio.sleep(max(0.0, began_s + at_s - time.monotonic()))
            tasks.append(asyncio.create_task(self.one(server, request, began_s)))
        return list(await asyncio.gather(*tasks))

    async def backlog(self, server, seconds, seed):
        """Closed loop: each tenant always has the same number of requests under way. What is not done at the end is
        given up, as by clients that went away; what it got until then counts."""
        began_s, answers = time.monotonic(), []

        async def client(tenant, serial):
            rng = random.Random(f"{seed}/{tenant}/{serial}")
            while time.monotonic() - began_s < seconds:
                answers.append(await self.one(server, {**request_of(rng), "tenant": tenant}, began_s))
        clients = [asyncio.create_task(client(tenant, serial)) for tenant, count in BACKLOG.items()
                   for serial in range(count)]
        await asyncio.sleep(seconds)
        for task in clients:
            task.cancel()
        await asyncio.gather(*clients)
        return answers

    async def unloaded(self, server):
        """Median TTFT and TPOT of interactive requests that have the server to themselves."""
        rng, answers = random.Random(1), []
        while len(answers) < WARM_UP + 30:
            request = request_of(rng)
            if request["class"] == "interactive":
                answers.append(await self.one(server, request, 0.0))
        answers = answers[WARM_UP:]
        return (statistics.median(a["ttft_s"] for a in answers),
                statistics.median(a["tpot_s"] for a in answers if a["tpot_s"]))

    async def capacity(self, server, seconds=20):
        """Requests of this mix per second when there is always work."""
        rng, began_s, done = random.Random(2), time.monotonic(), 0

        async def client():
            nonlocal done
            while time.monotonic() - began_s < seconds:
                await self.one(server, request_of(rng), began_s)
                done += 1
        await asyncio.gather(*(client() for _ in range(48)))
        return done / (time.monotonic() - began_s)


def score(answers, slo, seconds):
    """What one run is judged by."""
    interactive = [a for a in answers if a["class"] == "interactive"]
    good = [a for a in interactive if a["failed"] is None and a["ttft_s"] is not None
            and a["ttft_s"] <= slo["ttft_s"] and (a["tpot_s"] or 0) <= slo["tpot_s"]]
    end_s = max((a["last_s"] or 0) for a in answers)
    ttfts = sorted(a["ttft_s"] for a in interactive if a["ttft_s"] is not None)
    tpots = sorted(a["tpot_s"] for a in interactive if a["tpot_s"] is not None)
    return {
        "requests": len(answers), "failed": sum(a["failed"] is not None for a in answers),
        "interactive_in_slo": len(good) / max(1, len(interactive)),
        "interactive_ttft_p50_s": ttfts[len(ttfts) // 2] if ttfts else None,
        "interactive_ttft_p95_s": ttfts[int(0.95 * len(ttfts))] if ttfts else None,
        "interactive_tpot_p50_s": tpots[len(tpots) // 2] if tpots else None,
        "interactive_tpot_p95_s": tpots[int(0.95 * len(tpots))] if tpots else None,
        "batch_tokens_per_s": sum(a["tokens"] for a in answers if a["class"] == "batch") / end_s,
        "tokens_per_s": sum(a["tokens"] for a in answers) / end_s,
        "service_ratio": service_ratio(answers, min(seconds, end_s)), "end_s": end_s}


def service_ratio(answers, until_s):
    """Largest ratio of the tokens that two tenants got in any window of 30 s in which both always had a request waiting
    for its first token; None when there was no such window. A prompt counts when its first token came, an output token
    when it came itself."""
    worst, start_s = None, 0.0
    while start_s + WINDOW_S <= until_s:
        end_s, got = start_s + WINDOW_S, {}
        for tenant in ("greedy", "modest"):
            mine = [a for a in answers if a["tenant"] == tenant]
            moments = [start_s + i for i in range(WINDOW_S)]
            if not all(any(a["sent_s"] <= t < first_token_s(a) for a in mine) for t in moments):
                break
            got[tenant] = sum(tokens for a in mine for at_s, tokens in served(a) if start_s <= at_s < end_s) or 1
        if len(got) == 2:
            ratio = max(got.values()) / min(got.values())
            worst = ratio if worst is None else max(worst, ratio)
        start_s += SERVICE_STEP_S
    return worst


def first_token_s(answer):
    return answer["token_s"][0] if answer["token_s"] else float("inf")


def served(answer):
    """(time, tokens) of what a request got. A chunk may carry several tokens when the client is late."""
    times = answer["token_s"]
    if not times:
        return
    yield times[0], answer["prompt"] + 1
    for at_s in times[1:]:
        yield at_s, (answer["tokens"] - 1) / (len(times) - 1)


def policy_of(given, slo, folder):
    """A preset or policy file with the measured SLOs as those of the interactive class."""
    base = {"version": 1, "preset": given, "name": "benefit"}
    if os.path.exists(given):
        with open(given, encoding="utf-8") as file:
            base = json.load(file)

    def told_ms(seconds):
        return max(1, int(1000 * TOLD_SHARE * seconds))
    classes = [
        {"name": "interactive", "rank": 0, "ttft_slo_ms": told_ms(slo["ttft_s"]),
         "tpot_slo_ms": told_ms(slo["tpot_s"]), "weight": 8},
        {"name": "standard", "rank": 1, "ttft_slo_ms": told_ms(4 * slo["ttft_s"]),
         "tpot_slo_ms": told_ms(2 * slo["tpot_s"]), "weight": 4},
        {"name": "batch", "rank": 2, "ttft_slo_ms": 120000, "tpot_slo_ms": 2000, "weight": 2}]
    path = os.path.join(folder, f"policy-{len(os.listdir(folder))}.json")
    with open(path, "w", encoding="utf-8") as file:
        json.dump({**base, "classes": classes, "default_class": "standard"}, file)
    return path


def summary(runs, loads):
    """Median and range over the rounds, by server and load."""
    table = {}
    for name in sorted({run["server"] for run in runs}):
        for load in loads:
            of = [run["score"] for run in runs if run["server"] == name and run["load"] == load]
            row = {}
            for key in ("interactive_in_slo", "interactive_ttft_p95_s", "interactive_tpot_p95_s",
                        "batch_tokens_per_s", "tokens_per_s", "service_ratio", "failed"):
                values = [s[key] for s in of if s[key] is not None]
                if values:
                    row[key] = spread(values)
            table[f"{name} at {load}"] = row
    return table


def rate_in_slo(points):
    """`points`: (rate, share in SLO) by rate. The largest rate that keeps the goal, by straight lines."""
    before, best = (0.0, 1.0), 0.0
    for rate, share in points:
        if share >= GOAL:
            best = rate
        elif before[1] >= GOAL:
            best = before[0] + (rate - before[0]) * (before[1] - GOAL) / (before[1] - share)
        before = (rate, share)
    return best


def capacities(runs, loads, capacity):
    """For each server the rate in SLO, and how much larger Coxswain's is than that of the better stock policy, round by
    round: median and range."""
    rates = {}
    for round_number in sorted({run["round"] for run in runs}):
        for name in {run["server"] for run in runs}:
            points = [
                (load * capacity, run["score"]["interactive_in_slo"]) for load in sorted(loads) for run in runs
                if (run["server"], run["load"], run["round"]) == (name, load, round_number)]
            rates.setdefault(name, []).append(rate_in_slo(points))
    table = {name: spread(values) for name, values in sorted(rates.items())}
    if {"fcfs", "priority", "coxswain"} <= rates.keys():
        stock = [max(pair) for pair in zip(rates["fcfs"], rates["priority"])]
        table["coxswain over better stock"] = spread(
            [ours / max(1e-9, own) for ours, own in zip(rates["coxswain"], stock)])
    return table


def spread(values):
    return {"median": round(statistics.median(values), 4), "least": round(min(values), 4),
            "most": round(max(values), 4)}


async def measure(options, servers, policy_file):
    """`policy_file`: makes the file that a sidecar starts with, of a policy and the SLOs."""
    import aiohttp
    limits = aiohttp.TCPConnector(limit=0)
    async with aiohttp.ClientSession(connector=limits, timeout=aiohttp.ClientTimeout(total=900)) as http:
        bench, by_name = Bench(servers, http), {server.name: server for server in servers}
        ttft_s, tpot_s = await bench.unloaded(by_name["fcfs"])
        slo = {"ttft_s": 5 * ttft_s, "tpot_s": 2 * tpot_s}
        capacity = await bench.capacity(by_name["fcfs"])
        result = {"unloaded": {"ttft_s": ttft_s, "tpot_s": tpot_s}, "slo": slo, "capacity_per_s": capacity, "runs": []}
        print(json.dumps({k: v for k, v in result.items() if k != "runs"}), flush=True)
        sidecars = {policy: support.Sidecar(policy_file(policy, slo)) for policy in options.links}
        for policy, sidecar in sidecars.items():
            os.symlink(sidecar.folder, options.links[policy])
        try:
            for name in by_name:
                await bench.load(by_name[name], 2.0, 5, 3)
            for round_number in range(options.rounds):
                for load in options.loads:
                    order = list(by_name)
                    random.Random(options.seed + round_number).shuffle(order)
                    for name in order:
                        seed = f"{options.seed}/{round_number}/{load}"
                        answers = await bench.load(by_name[name], load * capacity, options.seconds, seed)
                        run = {"server": name, "load": load, "round": round_number,
                               "score": score(answers, slo, options.seconds)}
                        if name.startswith("coxswain"):
                            run["adapter"] = by_name[name].stats()
                        result["runs"].append(run)
                        print(json.dumps({**run, "adapter": None}), flush=True)
            if options.backlog_seconds:
                result["backlog"] = await backlogged(bench, servers, options)
            result["status"] = {policy: sidecar.status() for policy, sidecar in sidecars.items()}
        finally:
            for sidecar in sidecars.values():
                sidecar.close()
    result["summary"] = summary(result["runs"], options.loads)
    result["rate_in_slo"] = capacities(result["runs"], options.loads, capacity)
    return result


async def backlogged(bench, servers, options):
    """What the tenants get from each server while both always wait."""
    table = {}
    for server in servers:
        answers = await bench.backlog(server, options.backlog_seconds, options.seed)
        row = table[server.name] = {
            "service_ratio": service_ratio(answers, options.backlog_seconds),
            "failed": sum(a["failed"] not in (None, GIVEN_UP) for a in answers),
            "ended": sum(a["failed"] is None for a in answers),
            "tokens": {tenant: round(sum(tokens for a in answers if a["tenant"] == tenant for _, tokens in served(a)))
                       for tenant in BACKLOG}}
        if server.name.startswith("coxswain"):
            row["adapter"] = server.stats()
        print(json.dumps({"server": server.name, "backlog": {**row, "adapter": None}}), flush=True)
    return table


def without(*kept):
    """Verbs that are not declared when only these kinds are."""
    return ",".join(verb for kind, verbs in VERBS.items() if kind not in kept for verb in verbs)


def contenders(options):
    """(name, more options of vLLM, scheduler class, settings of the adapter)"""
    settings = {
        "COXSWAIN_DEADLINE_MS": options.deadline_ms, "COXSWAIN_WITHOUT_VERBS": options.without_verbs,
        "COXSWAIN_RUNTIME_DIR": options.links[options.policy]}
    stock, ours = ("fcfs", (), None, {}), ("coxswain", (), SCHEDULER, settings)
    if options.split:
        return [stock, ours] + [
            (f"coxswain, {kind} alone", (), SCHEDULER, {**settings, "COXSWAIN_WITHOUT_VERBS": without(kind)})
            for kind in VERBS]
    announcing = ("coxswain, always announcing", (), SCHEDULER, {**settings, "COXSWAIN_ANNOUNCE": "on"})
    beside = [(
        f"coxswain, {os.path.basename(policy)}", (), SCHEDULER, {**settings, "COXSWAIN_RUNTIME_DIR": link})
        for policy, link in options.links.items() if policy != options.policy]
    return [stock, ("priority", ("--scheduling-policy", "priority"), None, {}), ours] + beside + (
        [announcing] if options.announcing else [])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=40)
    parser.add_argument("--loads", type=float, nargs="+", default=[0.25, 0.5, 0.7], help="shares of the capacity")
    parser.add_argument("--policy", default="goodput", help="preset or policy file that Coxswain runs")
    parser.add_argument("--beside", help="preset or policy file of one more server with Coxswain")
    parser.add_argument("--without-verbs", default="", help="verbs that Coxswain does not declare")
    parser.add_argument("--split", action="store_true", help="Coxswain with one kind of verb alone, beside stock fcfs")
    parser.add_argument("--announcing", action="store_true", help="beside them Coxswain with COXSWAIN_ANNOUNCE=on")
    parser.add_argument("--backlog-seconds", type=float, default=0, help="a run with both tenants backlogged; 0: none")
    parser.add_argument("--deadline-ms", type=float, default=2)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10 ** 6))
    parser.add_argument("--out")
    options = parser.parse_args()
    if options.split and options.beside:
        parser.error("--split and --beside are two comparisons; expected one of them")
    model = make_model(os.path.join(support.work_folder(), f"benefit-llama-{MODEL['hidden']}x{MODEL['layers']}"))
    import tempfile
    folder = tempfile.mkdtemp(prefix="coxswain-benefit-")
    policies = [options.policy] + ([options.beside] if options.beside else [])
    options.links = {policy: os.path.join(folder, f"sockets-{i}") for i, policy in enumerate(policies)}
    servers = []
    try:
        for name, extra, scheduler, settings in contenders(options):
            server = Server(model, *OPTIONS, *extra, scheduler=scheduler, **settings)
            server.name = name
            servers.append(server)
        result = asyncio.run(measure(options, servers, lambda policy, slo: policy_of(policy, slo, folder)))
    finally:
        for server in servers:
            server.close()
    result["options"] = {key: value for key, value in vars(options).items() if key != "links"}
    if options.out:
        with open(options.out, "w", encoding="utf-8") as file:
            json.dump(result, file, indent=1)
    print(json.dumps({key: result[key] for key in ("summary", "rate_in_slo", "backlog") if key in result}, indent=1))


if __name__ == "__main__":
    main()
