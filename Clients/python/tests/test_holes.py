"""One test per hole that looser wordings of the protocol had, named after it (the list at the end of Docs/wire.md)."""

import unittest

from tests.support import SidecarTest, charged, wait_until, work
from coxswain.client import Client, StatusError

TWO_IN_FLIGHT = {"in_flight_max": 2, "in_flight_repeat": "any"}


def tenant_of(test):
    return "tenant of " + test.id()


class HoleTests(SidecarTest):
    def arrive(self, engine, *arrivals, **fields):
        """A Step with arrivals of a tenant of this test's own."""
        message = engine.message(**fields)
        message.update(engine._arrived(arrivals, tenant_of(self)))
        return engine.send(message)["plan"]

    def charges(self, expected):
        """Counters merge off the hot path: they agree soon."""
        self.assertEqual(wait_until(expected, lambda: charged(self.sidecar, tenant_of(self))), expected)

    def test_removed_before_settled_loses_a_finishing_requests_last_tokens(self):
        engine = self.engine()
        self.assertEqual(work(self.arrive(engine, (1, 100, 1))), {1: 100})
        engine.step(settled=[{"seq": 1, "elapsed_us": 5}], removed={"h": [1], "why": ["length"]}, check=[0, 0, 0, 0, 0])
        self.charges(100)

    def test_reporting_once_per_plan_at_settlement(self):
        """Partial work is told at launch: the next plan builds on it while the first is still in flight."""
        engine = self.engine(**TWO_IN_FLIGHT)
        self.assertEqual(work(self.arrive(engine, (1, 100, 4))), {1: 100})
        plan = engine.step(
            launched={"seq": 1, "x": {"h": [1], "n": [40], "why": ["partial"]}},
            state={"h": [1], "computed": [40], "output": [0], "running": [1]}, check=[1, 0, 0, 40, 0])
        self.assertEqual(work(plan), {1: 60})
        self.charges(40)

    def test_as_planned_with_a_prefix_hit_never_converges(self):
        engine = self.engine(**TWO_IN_FLIGHT)
        self.assertEqual(work(self.arrive(engine, (1, 600, 4))), {1: 512})
        plan = engine.step(
            launched={"seq": 1, "x": {"h": [1], "n": [512], "why": ["cached"]}},
            state={"h": [1], "computed": [576], "output": [0], "running": [1]}, check=[1, 0, 0, 576, 0])
        self.assertEqual(work(plan), {1: 24})
        self.charges(512)

    def test_untracked_running_work_is_charged_and_leaves_admission_alone(self):
        """Untracked requests hold every block: their tokens are paid for, and the waiting request is not lost."""
        engine = self.engine()
        self.arrive(engine, (1, 320, 4), kv_free_blocks=[0])
        engine.step(launched={"seq": 1, "mode": "none"}, kv_free_blocks=[0], check=[0, 1, 0, 0, 0],
                    untracked_tokens={"tenant": [0], "tokens": [77]})
        plan = engine.step(launched={"seq": 2, "mode": "none"}, check=[0, 1, 0, 0, 0])
        self.assertEqual(work(plan), {1: 320})
        self.charges(77)

    def test_a_reused_handle_gives_a_new_request_anothers_rejections(self):
        engine = self.engine(in_flight_max=3, in_flight_repeat="any")
        self.arrive(engine, (1, 10, 4), (2, 10, 4))
        engine.step()
        engine.step(settled=[{"seq": 1, "elapsed_us": 1}], removed={"h": [1], "why": ["abort"]})
        # Plan 2 came before the removal in Step 3 and is unsettled: too early.
        early = engine.message()
        early.update(engine._arrived([(1, 10, 4)]))
        self.assert_resync("/arrived/h", lambda: engine.send(early))

    def test_a_handle_returns_after_its_plans_were_settled_in_an_earlier_step(self):
        engine = self.engine(in_flight_max=3, in_flight_repeat="any")
        self.arrive(engine, (1, 10, 4), (2, 10, 4))
        engine.step()
        engine.step(settled=[{"seq": 1, "elapsed_us": 1}], removed={"h": [1], "why": ["abort"]})
        engine.step(settled=[{"seq": 2, "elapsed_us": 1}])
        engine.step(arrive=[(1, 33, 4)])
        self.assertEqual(engine.counts(1), (0, 0, False, False))

    def test_a_handle_does_not_return_in_the_step_that_settles_its_plan(self):
        engine = self.engine(in_flight_max=3, in_flight_repeat="any")
        self.arrive(engine, (1, 10, 4), (2, 10, 4))
        engine.step()
        engine.step(settled=[{"seq": 1, "elapsed_us": 1}], removed={"h": [1], "why": ["abort"]})
        same = engine.message(settled=[{"seq": 2, "elapsed_us": 1}])
        same.update(engine._arrived([(1, 10, 4)]))
        self.assert_resync("/arrived/h", lambda: engine.send(same))

    def test_arrivals_during_resync_batches_go_stale(self):
        """What was sent in the first sync batch runs on while the second is built."""
        engine = self.engine(**TWO_IN_FLIGHT)
        state = {"h": [1], "computed": [50], "output": [1], "running": [1]}
        self.assertIsNone(engine.step(arrive=[(1, 50, 9)], sync=True, launched={"seq": 0, "mode": "none"}, state=state))
        state = {"h": [1, 2], "computed": [52, 80], "output": [3, 2], "running": [1, 1]}
        plan = engine.step(
            arrive=[(2, 79, 9)], state=state, check=[2, 0, 0, 132, 5],
            launched={"seq": 1, "mode": "fallback", "iterations": 2, "h": [1], "n": [2]})
        self.assertEqual(work(plan, (1, 2)), {1: 1, 2: 1})
        self.assertEqual((engine.counts(1), engine.counts(2)), ((52, 3, True, False), (80, 2, True, False)))

    def test_a_rebuilt_step_under_an_old_seq_loses_an_arrival(self):
        engine = self.engine()
        self.arrive(engine, (1, 10, 4))
        again = engine.message(arrive=[(2, 10, 4)])
        again["seq"] = 1
        self.assert_resync("/seq", lambda: engine.send(again))
        engine.register()
        engine.step(arrive=[(1, 10, 4), (2, 10, 4)])
        self.assertEqual(set(engine.requests()), {1, 2})

    def test_charges_double_across_a_cut(self):
        """A Step whose reply was never read: `applied` says whether its tokens are owed again."""
        engine = self.engine()
        self.arrive(engine, (1, 100, 4))
        epoch = engine.epoch
        engine.client.start("coxswain.v1.Scheduler/Step", engine.message(settled=[{"seq": 1, "elapsed_us": 1}]))
        # The admin socket tells when the Step was applied; only then is the connection cut.
        self.charges(100)
        engine.reconnect()
        engine.register()
        self.assertEqual(engine.applied, {"epoch": epoch, "seq": 2})
        state = {"h": [1], "computed": [100], "output": [1], "running": [1]}
        engine.step(arrive=[(1, 100, 4)], state=state)
        self.charges(100)

    def test_a_step_cut_before_its_end_is_not_charged(self):
        engine = self.engine()
        self.arrive(engine, (1, 100, 4))
        epoch = engine.epoch
        _, frame = engine.client.request_frame("coxswain.v1.Scheduler/Step", engine.message())
        engine.client.send(frame[:-1])
        engine.reconnect()
        engine.register()
        self.assertEqual(engine.applied, {"epoch": epoch, "seq": 1})
        self.charges(0)

    def test_ready_then_blocked_in_one_interval(self):
        """Only the net state is sent: blocked, whatever came between."""
        engine = self.engine()
        engine.step(arrive=[(1, 10, 4)], blocked={"h": [1], "why": ["grammar"]})
        plan = engine.step(blocked={"h": [1], "why": ["grammar"]}, check=[0, 1, 1, 0, 0])
        self.assertEqual(work(plan), {})
        both = engine.message(blocked={"h": [1], "why": ["grammar"]}, ready=[1])
        error = self.assert_resync("/", lambda: engine.send(both))
        self.assertIn(error.field.split("/")[1], ("ready", "blocked"))

    def test_kv_figures_per_group_count_a_shared_pool_twice(self):
        """Two groups on one pool: one figure. Two pools: two figures."""
        group = {"pool": 0, "block_tokens": 16, "bytes_per_token": 1, "window_tokens": 0}
        model = {"id": "hybrid", "parameters": 1, "pools": [{"blocks": 100}],
                 "kv_groups": [group, {**group, "window_tokens": 32}]}
        engine = self.engine(model=model)
        self.assertEqual(work(engine.step(arrive=[(1, 64, 4)], kv_free_blocks=[100])), {1: 64})
        self.assert_resync("/kv_free_blocks", lambda: engine.step(kv_free_blocks=[96, 96]))
        # 64 tokens need 4 blocks of the first group and some of the second: more than 4 from the one pool.
        engine.register()
        plan = engine.step(arrive=[(1, 64, 4), (2, 64, 4)], kv_free_blocks=[8])
        self.assertLess(sum(work(plan).values()), 128)

    def test_preempting_an_in_flight_request(self):
        """Blocks run out while everybody is in an unsettled plan: nobody in flight is requeued or truncated."""
        engine = self.engine(**TWO_IN_FLIGHT, model={
            "id": "tiny", "parameters": 1, "pools": [{"blocks": 8}],
            "kv_groups": [{"pool": 0, "block_tokens": 16, "bytes_per_token": 1, "window_tokens": 0}]})
        plan = engine.step(arrive=[(1, 64, 40), (2, 64, 40)], kv_free_blocks=[8])
        self.assertEqual(work(plan), {1: 64, 2: 64})
        plan = engine.step(kv_free_blocks=[0])
        self.assertFalse({"requeue", "truncate", "swap_cpu", "swap_ssd"} & set(plan), plan)

    def test_sleeping_inside_schedule_blocks_aborts_and_other_ranks(self):
        """During a hold the next Step may come at once, on this rank and on others."""
        engine, other = self.engine(dp_size=2), self.engine(dp_size=2, dp_rank=1)
        plan = engine.step(arrive=[(1, 10, 4)], blocked={"h": [1], "why": ["grammar"]})
        self.assertGreaterEqual(plan["hold_us"], 1000)
        self.assertLessEqual(plan["hold_us"], 100_000)
        self.assertEqual(work(other.step(arrive=[(1, 10, 4)])), {1: 10})
        self.assertEqual(work(engine.step(ready=[1], wait_us=1)), {1: 10})
        engine.step(removed={"h": [1], "why": ["abort"]}, wait_us=1, settled=[{"seq": 2, "elapsed_us": 1}])

    def test_a_refused_clock_step_back_is_a_permanent_stop(self):
        engine = self.engine()
        engine.step(arrive=[(1, 10, 4)], blocked={"h": [1], "why": ["grammar"]})
        engine.step(wait_us=-900_000)
        engine.step(wait_us=7_000)
        self.assertEqual(engine.requests()[1]["age_us"], 7_000)

    def test_swapped_counts_pass_a_sum_check(self):
        engine = self.engine()
        self.arrive(engine, (1, 100, 4), (2, 60, 4))
        state = {"h": [1, 2], "computed": [50, 60], "output": [0, 0], "running": [1, 1]}
        swapped = engine.message(
            launched={"seq": 1, "mode": "none"}, state={**state, "computed": [60, 50]}, check=[2, 0, 0, 110, 0],
            spot=[1, 50, 0, 1, 0])
        self.assert_resync("/spot/1", lambda: engine.send(swapped))

    def test_an_adapter_bug_must_not_resync_at_full_speed(self):
        """retry_after_ms: 0 first, then it doubles up to 60 s while RESYNC recurs."""
        engine = self.engine()
        retries = []
        for _ in range(24):
            error = self.assert_resync("/check/0", lambda: engine.step(check=[9, 9, 9, 9, 9]))
            retries.append(error.details["retry_after_ms"])
            engine.register()
        self.assertEqual(retries[0], 0)
        grown = [ms for ms in retries if ms]
        self.assertEqual(grown[-1], 60_000)
        for before, after in zip(grown, grown[1:]):
            self.assertEqual(after, min(2 * before, 60_000), retries)

    def test_an_adapter_that_reconnects_must_not_resync_at_full_speed_either(self):
        engine = self.engine()
        retries = []
        for _ in range(6):
            error = self.assert_resync("/check/0", lambda: engine.step(check=[9, 9, 9, 9, 9]))
            retries.append(error.details["retry_after_ms"])
            engine.reconnect()
            engine.register()
        self.assertEqual(retries[0], 0)
        self.assertEqual(retries[1:], [retries[1] * 2 ** i for i in range(5)])
        self.assertGreater(retries[1], 0)


class ReplacedTests(SidecarTest):
    def test_replaced_session_gets_aborted_once_and_for_all(self):
        old = self.engine()
        old.step(arrive=[(1, 10, 4)])
        new = self.engine()
        self.assertGreater(new.epoch, old.epoch)
        for _ in range(2):
            with self.assertRaises(StatusError) as caught:
                old.step()
            self.assertEqual((caught.exception.code, caught.exception.reason), ("ABORTED", "REPLACED"))
        self.assertEqual(work(new.step(arrive=[(1, 10, 4)])), {1: 10})

    def test_the_end_of_a_replaced_connection_leaves_the_new_session_alone(self):
        old = self.engine()
        new = self.engine()
        old.close()
        with Client(self.sidecar.admin_socket) as admin:
            admin.call("coxswain.v1.Admin/Status", {})
        self.assertEqual(work(new.step(arrive=[(1, 10, 4)])), {1: 10})


if __name__ == "__main__":
    unittest.main()
