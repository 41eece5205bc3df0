"""Ways to spoil a Step. Each takes (rng, session, message), changes the message and returns where the sidecar must
point: a JSON pointer's beginning, or several. None: not possible with this message."""

SPOILERS = []


def spoiler(function):
    SPOILERS.append((function.__name__, function))
    return function


def unknown_handle(session):
    used = set(session.seen) | {h for _, h in session._free_handles}
    return next(h for h in range(4_000_000_000, 4_000_001_000) if h not in used)


@spoiler
def seq_skipped(rng, session, message):
    message["seq"] += 1
    return "/seq"


@spoiler
def seq_sent_again(rng, session, message):
    message["seq"] -= 1
    return "/seq"


@spoiler
def epoch_wrong(rng, session, message):
    message["epoch"] += rng.choice((-1, 1))
    return "/epoch"


@spoiler
def check_differs(rng, session, message):
    place = rng.randrange(5)
    message["check"][place] += 1
    return f"/check/{place}"


@spoiler
def spot_differs(rng, session, message):
    if "spot" not in message:
        return None
    place = rng.randrange(1, 5)
    message["spot"][place] = 1 - message["spot"][place] if place > 2 else message["spot"][place] + 1
    return f"/spot/{place}"


@spoiler
def spot_unknown(rng, session, message):
    message["spot"] = [unknown_handle(session), 0, 0, 0, 0]
    return "/spot/0"


@spoiler
def swapped_counts_pass_the_sum(rng, session, message):
    """An adapter that mixes up two requests: only the spot sees it."""
    handles = [h for h, view in session.seen.items() if view.computed and view.running]
    if len(handles) < 2:
        return None
    a, b = handles[:2]
    if session.seen[a].computed == session.seen[b].computed:
        return None
    most_a = session.seen[a].request.prompt + session.seen[a].output
    most_b = session.seen[b].request.prompt + session.seen[b].output
    if session.seen[b].computed > most_a or session.seen[a].computed > most_b:
        return None
    state = message.setdefault("state", {"h": [], "computed": [], "output": [], "running": []})
    for handle, other in ((a, b), (b, a)):
        row = [handle, session.seen[other].computed, session.seen[handle].output, 1]
        if handle in state["h"]:
            place = state["h"].index(handle)
            state["computed"][place] = row[1]
        else:
            for column, value in zip(("h", "computed", "output", "running"), row):
                state[column].append(value)
    view = session.seen[a]
    message["spot"] = [a, view.computed, view.output, int(view.running), int(view.blocked)]
    return "/spot/1"


@spoiler
def state_unknown(rng, session, message):
    message["state"] = {"h": [unknown_handle(session)], "computed": [0], "output": [0], "running": [0]}
    return "/state/h"


@spoiler
def state_ragged(rng, session, message):
    if "state" not in message:
        return None
    message["state"][rng.choice(("computed", "output", "running"))].pop()
    return "/state"


@spoiler
def state_twice(rng, session, message):
    if "state" not in message:
        return None
    for column in message["state"].values():
        column.append(column[0])
    return "/state/h"


@spoiler
def state_beyond_known(rng, session, message):
    if "state" not in message:
        return None
    message["state"]["computed"][0] += 100_000
    return "/state/computed"


@spoiler
def state_running_is_two(rng, session, message):
    if "state" not in message:
        return None
    message["state"]["running"][0] = 2
    return "/state/running"


@spoiler
def removed_unknown(rng, session, message):
    removed = message.setdefault("removed", {"h": [], "why": []})
    removed["h"].append(unknown_handle(session))
    removed["why"].append("stop")
    return "/removed/h"


@spoiler
def removed_twice(rng, session, message):
    if "removed" not in message:
        return None
    for column in message["removed"].values():
        column.append(column[0])
    return "/removed/h"


@spoiler
def ready_unknown(rng, session, message):
    message["ready"] = message.get("ready", []) + [unknown_handle(session)]
    return "/ready"


@spoiler
def blocked_unknown(rng, session, message):
    blocked = message.setdefault("blocked", {"h": [], "why": []})
    blocked["h"].append(unknown_handle(session))
    blocked["why"].append("grammar")
    return "/blocked/h"


@spoiler
def blocked_and_ready(rng, session, message):
    """No net state: the same handle in both lists."""
    if "blocked" not in message:
        return None
    message["ready"] = message.get("ready", []) + [message["blocked"]["h"][0]]
    return "/ready", "/blocked"


@spoiler
def exception_unknown(rng, session, message):
    message["launched"] = {
        "seq": session.seq - 1, "x": {"h": [unknown_handle(session)], "n": [1], "why": ["admitted"]}}
    return "/launched"


@spoiler
def fallback_twice(rng, session, message):
    launched = message.get("launched", {})
    if launched.get("mode") != "fallback" or not launched["h"]:
        return None
    launched["h"].append(launched["h"][0])
    launched["n"].append(1)
    return "/launched/h"


@spoiler
def fallback_negative(rng, session, message):
    launched = message.get("launched", {})
    if launched.get("mode") != "fallback" or not launched["h"]:
        return None
    launched["n"][0] = -1
    return "/launched/n"


@spoiler
def launched_wrong_seq(rng, session, message):
    message["launched"] = {**message.get("launched", {}), "seq": session.seq + 1}
    return "/launched/seq"


@spoiler
def drafted_too_long(rng, session, message):
    launched = message.get("launched", {})
    if "drafted" not in launched:
        return None
    launched["drafted"] += "1"
    return "/launched/drafted"


@spoiler
def accepted_too_long(rng, session, message):
    for place, entry in enumerate(message.get("settled", ())):
        if "accepted" in entry:
            entry["accepted"] += "0"
            return f"/settled/{place}/accepted"
    return None


@spoiler
def accepted_above_drafted(rng, session, message):
    for place, entry in enumerate(message.get("settled", ())):
        if "accepted" in entry:
            entry["accepted"] = "z" * len(entry["accepted"])
            return f"/settled/{place}/accepted"
    return None


@spoiler
def accepted_of_tree_left_out(rng, session, message):
    """Nothing taken off a tree: some of its drafts are always wrong."""
    for place, entry in enumerate(message.get("settled", ())):
        if "accepted" in entry and entry["seq"] in session.settled_trees:
            del entry["accepted"]
            return f"/settled/{place}/accepted"
    return None


@spoiler
def settled_twice(rng, session, message):
    if "settled" not in message:
        return None
    message["settled"].append(dict(message["settled"][-1]))
    return "/settled"


@spoiler
def settled_in_the_future(rng, session, message):
    message["settled"] = message.get("settled", []) + [{"seq": session.seq, "elapsed_us": 1}]
    return "/settled"


@spoiler
def arrival_of_live_handle(rng, session, message):
    arriving = message.get("arrived", {}).get("h", [])
    live = [h for h in session.seen if h not in arriving]
    if not live or not session.names:
        return None
    add_arrival(message, rng.choice(live))
    return "/arrived/h"


@spoiler
def arrival_twice(rng, session, message):
    if "arrived" not in message:
        return None
    add_arrival(message, message["arrived"]["h"][0])
    return "/arrived/h"


@spoiler
def arrival_of_handle_too_early(rng, session, message):
    """Rule 5: a plan before the removal is unsettled."""
    oldest = min((seq for seq, entry in session._unsettled.items() if entry[-1]), default=None)
    early = [h for gone, h in session._free_handles if oldest is not None and session.seq > gone > oldest]
    if not early or not session.names:
        return None
    add_arrival(message, early[0])
    return "/arrived/h"


@spoiler
def arrival_of_removed_in_same_step(rng, session, message):
    if "removed" not in message or not session.names:
        return None
    add_arrival(message, message["removed"]["h"][0])
    return "/arrived/h"


@spoiler
def arrivals_over_limit(rng, session, message):
    if not session.names or rng.random() < 0.9:
        return None
    for i in range(257):
        add_arrival(message, 3_000_000_000 + i)
    return "/arrived"


@spoiler
def arrival_with_unknown_name(rng, session, message):
    if "arrived" not in message:
        return None
    field = rng.choice(("tenant", "class"))
    message["arrived"][field][0] = 1_000_000
    return "/arrived/" + field


@spoiler
def arrival_ragged(rng, session, message):
    if "arrived" not in message:
        return None
    message["arrived"][rng.choice(("id", "tenant", "class", "prompt", "max_output", "age_us"))].pop()
    return "/arrived"


@spoiler
def prefix_ragged(rng, session, message):
    if "prefix" not in message.get("arrived", {}):
        return None
    message["arrived"]["prefix"].append("")
    return "/arrived/prefix"


@spoiler
def prefix_of_wrong_digits(rng, session, message):
    if "prefix" not in message.get("arrived", {}):
        return None
    message["arrived"]["prefix"][0] = rng.choice(("00000000000000A7", "7", "0" * 16 * 257))
    return "/arrived/prefix"


@spoiler
def cached_counts_of_other_shape(rng, session, message):
    if "kv_cached_blocks" not in message:
        return None
    message["kv_cached_blocks"].append(0)
    return "/kv_cached_blocks"


@spoiler
def kv_counts_of_other_shape(rng, session, message):
    message["kv_free_blocks"].append(1)
    return "/kv_free_blocks"


@spoiler
def wrong_type(rng, session, message):
    field, value = rng.choice((
        ("now_us", "soon"), ("now_us", 1.5), ("kv_free_blocks", [0.5]), ("kv_free_blocks", 7), ("state", []),
        ("arrived", 1), ("settled", {}), ("ready", [-1]), ("ready", [2 ** 32]), ("check", [1, 2]), ("names", [7]),
        ("seq", "1"), ("epoch", None), ("launched", "plan"), ("removed", {"h": "all"}), ("sync", "yes")))
    message[field] = value
    return "/" + field


@spoiler
def untracked_of_unknown_tenant(rng, session, message):
    message["untracked_tokens"] = {"tenant": [1_000_000], "tokens": [1]}
    return "/untracked_tokens"


def add_arrival(message, handle):
    row = {"h": handle, "id": "spoiled", "tenant": 0, "class": 0, "prompt": 1, "max_output": 1, "age_us": 0}
    arrived = message.setdefault("arrived", {field: [] for field in row})
    for field, value in row.items():
        arrived[field].append(value)
    for field, value in {"adapter": -1, "cached_tokens": 0, "ttft_slo_ms": 0, "tpot_slo_ms": 0, "prefix": "",
                         "tier_tokens": 0}.items():
        if field in arrived:
            arrived[field].append(value)
