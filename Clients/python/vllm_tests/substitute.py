"""A pytest plugin: vLLM's own scheduler tests get our classes wherever they ask for vLLM's. `-p vllm_tests.substitute`.
The verdict of each test is written to $COXSWAIN_VERDICTS, for comparison with a run without it."""

import json
import os

if os.environ.get("COXSWAIN_SUBSTITUTE") == "1":
    import vllm.v1.core.sched.async_scheduler as async_module
    import vllm.v1.core.sched.scheduler as sync_module

    from coxswain.vllm.scheduler import CoxswainAsyncScheduler, CoxswainScheduler

    sync_module.Scheduler = CoxswainScheduler
    async_module.AsyncScheduler = CoxswainAsyncScheduler

verdicts = {}


def pytest_runtest_logreport(report):
    if report.when == "call" or report.outcome != "passed":
        verdicts[report.nodeid] = report.outcome


def pytest_sessionfinish(session):
    path = os.environ.get("COXSWAIN_VERDICTS")
    if path:
        with open(path, "w", encoding="utf-8") as file:
            json.dump(verdicts, file)
