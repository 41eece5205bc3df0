"""The private names of vLLM's that the adapter touches exist and have the expected signatures."""

import unittest

from coxswain.vllm import names, versions

from . import support
from .mock_engine import build_scheduler, make_request


class NamesTest(unittest.TestCase):
    def test_classes_and_signatures(self):
        self.assertEqual(names.check(), [])

    def test_attributes_of_objects(self):
        from vllm.v1.core.sched.scheduler import Scheduler
        scheduler = build_scheduler(Scheduler, support.model())
        self.assertEqual(names.check_objects(scheduler, make_request("r", 5, 5)), [])

    def test_a_missing_name_is_found(self):
        self.assertIn("the scheduler has no waiting", names.check_objects(object()))

    def test_the_installed_version_is_a_tested_one(self):
        self.assertTrue(versions.is_tested(versions.installed()), versions.installed())

    def test_a_synchronous_class_in_an_asynchronous_engine_says_which_it_should_be(self):
        from coxswain.adapter import SettingsError
        from coxswain.vllm.scheduler import CoxswainScheduler
        with self.assertRaisesRegex(SettingsError, "coxswain.vllm.CoxswainAsyncScheduler"):
            build_scheduler(CoxswainScheduler, support.model(), async_scheduling=True)

    def test_our_scheduler_refuses_another_version_by_name(self):
        from unittest import mock

        from coxswain.vllm.scheduler import CoxswainScheduler
        with mock.patch.object(versions, "installed", lambda: "0.99.0"):
            with self.assertRaisesRegex(versions.UntestedVersion, "0.99.0.*>= 0.32, < 0.33"):
                build_scheduler(CoxswainScheduler, support.model())
            build_scheduler(CoxswainScheduler, support.model(), additional_config={
                "coxswain": {"allow_untested": True, "enabled": False}})


if __name__ == "__main__":
    unittest.main()
