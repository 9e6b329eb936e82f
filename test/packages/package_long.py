# SPDX-License-Identifier: BSL-1.0
"""The Debian packages: built, installed into a root of their own, used from there, and removed without a trace.

The root has this system's own list of packages, so that dpkg judges the dependencies; it has no other files, and the
system itself is not touched.
"""
import os
import pathlib
import shutil
import subprocess
import sys
import unittest

from ports import held_port

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "test/consumer"))
from projects import TOOLS, cmake, gives_back, linking, must, project, serves  # noqa: E402

FOLDER = pathlib.Path(os.environ["HAWSER_TEST_PROGRAMS"]) / "packages"
SYSTEM = FOLDER / "root"
NAMES = ("libhawser-dev", "hawser")


def dpkg(*arguments):
    root = [] if os.geteuid() == 0 else ["fakeroot"]
    return must(*root, "dpkg", f"--root={SYSTEM}", "--force-not-root", f"--log={FOLDER}/log", *arguments)


def files():
    """What stands in the root, dpkg's own notes left out."""
    return sorted(str(path.relative_to(SYSTEM)) for path in SYSTEM.rglob("*")
                  if "dpkg" not in path.relative_to(SYSTEM).parts)


def field(package, name):
    return must("dpkg-deb", "-f", package, name).strip()


class Packages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        shutil.rmtree(FOLDER, ignore_errors=True)
        cmake("--preset", "package", "-S", ROOT, "-B", FOLDER / "build", *TOOLS, cwd=ROOT)
        cmake("--build", FOLDER / "build")
        must("cpack", "-G", "DEB", "-B", FOLDER / "made", cwd=FOLDER / "build")
        cls.packages = {field(path, "Package"): path for path in (FOLDER / "made").glob("*.deb")}
        for path in ("updates", "info", "triggers"):
            (SYSTEM / "var/lib/dpkg" / path).mkdir(parents=True)
        status = pathlib.Path("/var/lib/dpkg/status").read_text()
        (SYSTEM / "var/lib/dpkg/status").write_text(status)
        (SYSTEM / "var/lib/dpkg/arch").write_text(must("dpkg", "--print-architecture"))

    def test_packages(self):
        self.assertEqual(sorted(self.packages), sorted(NAMES))
        with self.subTest("dependencies"):
            needs = field(self.packages["hawser"], "Depends")
            for library in ("libc6", "libssl3", "libstdc++6", "libboost-json1.81.0", "libprometheus-cpp-core"):
                self.assertIn(library, needs)
            self.assertIn("libssl-dev", field(self.packages["libhawser-dev"], "Depends"))
        before = files()
        dpkg("-i", *self.packages.values())
        with self.subTest("programs"):
            self.runs_from_there()
        with self.subTest("library"):
            port = self.enterContext(held_port())
            source = project(FOLDER / "project", linking()[0], port)
            cmake("-S", source, "-B", source / "build", *TOOLS, f"-DCMAKE_PREFIX_PATH={SYSTEM}/usr")
            cmake("--build", source / "build")
            self.assertTrue(serves(source / "build/your_server", port))
        dpkg("-P", *NAMES)
        self.assertEqual(files(), before)

    def runs_from_there(self):
        programs = sorted(path.name for path in (SYSTEM / "usr/bin").iterdir())
        self.assertIn("hawser-echo_server", programs)
        self.assertTrue(all(name.startswith("hawser-") for name in programs))
        pages = sorted(path.name.split(".1", 1)[0] for path in (SYSTEM / "usr/share/man/man1").iterdir())
        self.assertEqual(pages, programs)
        server = subprocess.Popen([SYSTEM / "usr/bin/hawser-echo_server", "127.0.0.1:0", "--quiet"],
                                  stdout=subprocess.PIPE, text=True)
        try:
            line = server.stdout.readline()
            self.assertRegex(line, r"^listening on tcp://127\.0\.0\.1:\d+\n$")
            self.assertTrue(gives_back(int(line.rpartition(":")[2]), b"hello"))
            server.terminate()
            self.assertEqual(server.wait(60), 0)
        finally:
            server.kill()
            server.wait()
            server.stdout.close()

    def tearDown(self):
        for name in NAMES:
            self.assertNotEqual(subprocess.run(["dpkg-query", "-W", name], capture_output=True).returncode, 0, name)


if __name__ == "__main__":
    unittest.main()
