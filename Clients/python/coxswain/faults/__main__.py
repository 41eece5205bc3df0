"""python3 -m coxswain.faults: random steps with faults against the real sidecar; fails at the first mismatch."""

import argparse
import multiprocessing
import queue
import signal
import sys
import time
from collections import Counter

from .process import SidecarFailed, SidecarProcess, find_executable
from .rank import Mismatch
from .world import World

# Every kind that a long run must have exercised.
KINDS = (
    "user_abort", "x_partial", "x_cached", "x_kv", "x_lora", "x_gone", "x_grammar", "x_admitted", "late_plan",
    "lost_plan", "fallback_iterations", "mode_none", "cut_in_header", "cut_in_payload", "cut_before_reply",
    "cut_in_reply", "cut_idle", "engine_restart", "in_flight_1", "in_flight_2", "in_flight_3", "repeat_none",
    "repeat_prefill", "repeat_any", "shape_single", "shape_shared", "shape_split", "clock_back", "clock_jump", "hold",
    "hold_waited", "dp_ranks", "decode_all", "drafting_plan", "tree_plan", "resync", "resync_again",
    "register_same_connection", "register_again", "unregister", "replaced_session", "replaced_waiting",
    "plan_dropped_deadline_exceeded", "plan_dropped_cancelled", "pipelined", "bad_json", "bad_frame",
    "unknown_method", "admin_method", "split_write",
    "sync_step", "handle_reused", "block_flapped", "news_between", "result_between", "untracked_run",
    "verb_truncate", "verb_requeue", "verb_swap_cpu", "verb_swap_ssd", "verb_abort", "verb_refused", "drain",
    "compared", "charges_compared", "big_engine", "unknown_field",
    "cache_evict", "cache_pin", "cache_unpin", "cache_prefetch",
)
RESTART_KIND = "sidecar_restart"
LONG_RUN_STEPS = 50_000
PROGRESS_EVERY_S = 1.0


class ExistingSidecar:
    """A sidecar that runs already; it is never restarted."""

    def __init__(self, directory):
        self.engine_socket, self.admin_socket = directory + "/engine.sock", directory + "/admin.sock"

    def is_alive(self):
        return True

    def log_tail(self):
        return ""

    def close(self):
        return 0


def work(arguments, index, steps, messages):
    """One process: one world, one sidecar."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    seed = arguments.seed * 1000 + index
    sidecar = None
    reported = 0

    def progress(done):
        nonlocal reported
        messages.put(("steps", done - reported))
        reported = done

    try:
        if arguments.socket_dir:
            sidecar = ExistingSidecar(arguments.socket_dir)
        else:
            sidecar = SidecarProcess(arguments.sidecar, policy=arguments.policy)
            sidecar.start()
        world = World(seed, sidecar, may_restart=not arguments.socket_dir, chaos=arguments.chaos,
                      policy=arguments.policy)
        world.run(steps, progress)
        progress(world.steps)
        messages.put(("done", world.counts))
    except (Mismatch, SidecarFailed) as error:
        messages.put(("failed", str(error)))
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:
        messages.put(("failed", f"seed {seed}: {type(error).__name__}: {error}"))
        raise
    finally:
        if sidecar:
            sidecar.close()


def run(arguments):
    messages = multiprocessing.Queue()
    share = -(-arguments.steps // arguments.processes)
    workers = [multiprocessing.Process(target=work, args=(arguments, index, share, messages), daemon=False)
               for index in range(arguments.processes)]
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    begun = time.monotonic()
    for worker in workers:
        worker.start()
    try:
        counts, failures, done = collect(arguments, workers, messages, begun)
    finally:
        # A worker that is told to end stops its sidecar first.
        for worker in workers:
            if sys.exc_info()[0] or worker.is_alive() and failures:
                worker.terminate()
            worker.join()
    print(file=sys.stderr)
    return counts, failures, done, time.monotonic() - begun


def collect(arguments, workers, messages, begun):
    """Reads what the workers tell until all are done or one has failed."""
    counts, failures, done, finished, shown = Counter(), [], 0, 0, 0.0
    while finished < len(workers) and not failures:
        try:
            kind, value = messages.get(timeout=1)
        except queue.Empty:
            dead = [worker for worker in workers if worker.exitcode not in (None, 0)]
            if dead and messages.empty():
                failures.append(f"a worker ended with {dead[0].exitcode}")
            continue
        if kind == "steps":
            done += value
        elif kind == "done":
            counts.update(value)
            finished += 1
        else:
            failures.append(value)
        if time.monotonic() - shown > PROGRESS_EVERY_S:
            shown = time.monotonic()
            show_progress(done, arguments.steps, shown - begun)
    return counts, failures, done


def show_progress(done, total, elapsed):
    rate = done / elapsed if elapsed else 0
    end = "\r" if sys.stderr.isatty() else "\n"
    print(f"{done:>9,} of {total:,} steps, {rate:,.0f} steps/s", end=end, file=sys.stderr, flush=True)


def summary(arguments, counts, failures, done, elapsed):
    print(f"steps {done:,} in {elapsed:.1f} s ({done / elapsed:,.0f} steps/s), {arguments.processes} process(es), "
          f"seed {arguments.seed}")
    for kind, count in sorted(counts.items()):
        print(f"  {kind:<36}{count:>12,}")
    missing = []
    if done >= LONG_RUN_STEPS and not failures and arguments.policy == "exerciser":
        kinds = KINDS if arguments.socket_dir else (*KINDS, RESTART_KIND)
        missing = [kind for kind in kinds if not counts[kind]]
    for failure in failures:
        print("MISMATCH", failure)
    for kind in missing:
        print("NEVER EXERCISED", kind)
    if not failures and not missing:
        print("no mismatch")
    return 1 if failures or missing else 0


def main(argv=None):
    parser = argparse.ArgumentParser(prog="python3 -m coxswain.faults", description=__doc__)
    parser.add_argument("--steps", type=int, default=20_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--processes", type=int, default=1)
    parser.add_argument("--chaos", type=float, default=1.0, help="multiplies how often faults come")
    parser.add_argument("--policy", default="exerciser", help="the sidecar's policy; exerciser uses every verb")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--socket-dir", help="drive a sidecar that runs already (policy exerciser)")
    where.add_argument("--sidecar", default=find_executable(), help='coxswain executable, or "reference"')
    arguments = parser.parse_args(argv)
    if not arguments.socket_dir and not arguments.sidecar:
        print("no coxswain executable: build it, set COXSWAIN_BIN, or pass --sidecar", file=sys.stderr)
        return 69
    return summary(arguments, *run(arguments))


if __name__ == "__main__":
    sys.exit(main())
