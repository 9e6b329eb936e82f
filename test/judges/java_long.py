# SPDX-License-Identifier: BSL-1.0
"""A client of the JDK's ends its TLS connections in the way of its own: its frames have come, and its end is a clean one."""
import os
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from judge import judge
from process import Server

CLIENT = Path(__file__).with_name("JavaClient.java")
TEST_PROGRAMS = Path(os.environ["HAWSER_TEST_PROGRAMS"])
TIMES = 100


class Java(unittest.TestCase):
    def test_its_close_is_a_clean_end_in_both_versions(self):
        made = Certificates(self.enterContext(tempfile.TemporaryDirectory()))
        pair = made.server()
        for version in ("TLSv1.2", "TLSv1.3"):
            with self.subTest(version=version), \
                    Server("tls_options_server", "count", f"cert={pair.certificate}", f"key={pair.key}",
                           directory=TEST_PROGRAMS) as server:
                port = server.endpoint.rpartition(":")[2]
                self.assertEqual(judge("java", CLIENT, version, port, made.ca, TIMES).split(), TIMES * [version])
                server.err.wait_for(r"\d+ frames, \w+", TIMES)
                self.assertEqual(server.stop(), 0)
                ends = [line for line in server.err.all() if " frames, " in line]
                self.assertEqual(ends, TIMES * ["2 frames, clean"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
