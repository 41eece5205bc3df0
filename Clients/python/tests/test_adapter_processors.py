"""Whether the adapter knows a host that has no processor to spare."""

import os
import shutil
import tempfile
import unittest

from coxswain.adapter import ProcessorWatch

MS = 1_000_000


class ProcessorWatchTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, folder)
        self.path = os.path.join(folder, "schedstat")
        self.ran = self.waited = 0
        self.watch = ProcessorWatch(self.path)

    def look(self, now_s, ran_ms, waited_ms):
        """The thread ran and waited so long since the last look. Returns whether the host passes for crowded."""
        self.ran += ran_ms * MS
        self.waited += waited_ms * MS
        with open(self.path, "w", encoding="ascii") as file:
            file.write(f"{self.ran} {self.waited} 17\n")
        self.watch.look(now_s)
        return self.watch.is_crowded(now_s)

    def test_nothing_is_known_before_two_looks(self):
        self.assertTrue(self.watch.is_crowded(0))
        self.assertTrue(self.look(1, 50, 0))
        self.assertFalse(self.look(2, 50, 0))

    def test_a_thread_that_waits_makes_the_host_crowded_for_a_while(self):
        self.look(1, 0, 0)
        self.assertFalse(self.look(2, 960, 40))
        self.assertTrue(self.look(3, 940, 60))
        self.assertTrue(self.look(4, 1000, 0))
        self.assertTrue(self.watch.is_crowded(3 + ProcessorWatch.CROWDED_S - 1))
        self.assertFalse(self.look(3 + ProcessorWatch.CROWDED_S, 1000, 0))

    def test_it_looks_once_a_second(self):
        self.look(1, 0, 0)
        self.look(2, 100, 0)
        self.assertFalse(self.look(2.5, 0, 100))
        self.assertTrue(self.look(3, 0, 0))

    def test_little_work_is_added_up_until_it_says_something(self):
        self.look(1, 0, 0)
        self.assertFalse(self.look(2, 100, 0))
        self.assertFalse(self.look(3, 4, 4))
        self.assertTrue(self.look(4, 4, 4))

    def test_without_counts_the_host_passes_for_crowded(self):
        self.look(1, 0, 0)
        self.assertFalse(self.look(2, 100, 0))
        os.remove(self.path)
        self.watch.look(3)
        self.assertTrue(self.watch.is_crowded(1e9))
        with open(self.path, "w", encoding="ascii") as file:
            file.write("not counts")
        self.watch.look(4)
        self.assertTrue(self.watch.is_crowded(1e9))

    def test_the_kernel_of_this_machine_has_the_counts(self):
        if not os.path.exists("/proc/thread-self/schedstat"):
            self.skipTest("no /proc/thread-self/schedstat here")
        watch = ProcessorWatch()
        watch.look(1)
        self.assertIsNotNone(watch._last)


if __name__ == "__main__":
    unittest.main()
