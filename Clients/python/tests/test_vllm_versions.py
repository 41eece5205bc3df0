"""Versions of vLLM are judged without importing it."""

import os
import unittest
from unittest import mock

from coxswain.vllm import versions


class VersionsTest(unittest.TestCase):
    def test_the_range(self):
        for version, tested in (
                ("0.32.0", True), ("0.32.4+cpu", True), ("0.31.9", False), ("0.33.0", False), ("1.32.0", False),
                ("", False), ("main", False)):
            self.assertEqual(versions.is_tested(version), tested, version)

    def test_the_refusal_names_version_range_and_ways_out(self):
        with self.assertRaises(versions.UntestedVersion) as caught:
            versions.require_tested("0.33.0")
        for word in ("0.33.0", versions.tested_range(), versions.OPT_OUT, "--scheduler-cls"):
            self.assertIn(word, str(caught.exception))

    def test_the_way_out(self):
        versions.require_tested("0.33.0", allow_untested=True)
        with mock.patch.dict(os.environ, {versions.OPT_OUT: "1"}):
            versions.require_tested("0.33.0")

    def test_without_vllm_the_schedulers_say_so(self):
        import coxswain.vllm
        with mock.patch.object(versions, "installed", lambda: ""):
            with self.assertRaisesRegex(versions.UntestedVersion, "not installed"):
                coxswain.vllm.CoxswainScheduler


if __name__ == "__main__":
    unittest.main()
