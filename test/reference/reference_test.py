# SPDX-License-Identifier: BSL-1.0
"""The reference of the public headers builds, and a public entity without a docstring, or with a wrong one, fails it."""
import pathlib
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]
HEADER = """// A header.
namespace hawser {

/// A thing.
struct thing {
    int value = 0; ///< its value
    HAWSER_EXPORT int function(int argument); ///< adds
    thing(thing&&) noexcept;
    friend bool operator==(const thing&, const thing&) = default;
};

namespace detail {
void nobodys();
}

} // namespace hawser
"""


def doxygen(*settings):
    with tempfile.TemporaryDirectory() as folder:
        text = "\n".join(["@INCLUDE = lib/Doxyfile", f"OUTPUT_DIRECTORY = {folder}", "GENERATE_HTML = NO",
                          "GENERATE_XML = YES", *settings])
        return subprocess.run(["doxygen", "-"], input=text, cwd=ROOT, text=True, capture_output=True)


class Reference(unittest.TestCase):
    def test_every_public_entity_has_its_docstring(self):
        run = doxygen()
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def judged(self, text):
        with tempfile.TemporaryDirectory() as folder:
            (pathlib.Path(folder) / "header.hpp").write_text(text)
            return doxygen(f"INPUT = lib/reference.dox {folder}")

    def test_what_is_documented_passes(self):
        run = self.judged(HEADER)
        self.assertEqual((run.returncode, run.stderr), (0, ""))

    def test_what_is_not_is_refused(self):
        for name, before, after in (
            ("a struct", "/// A thing.\n", ""),
            ("a member", " ///< its value", ""),
            ("a function", " ///< adds", ""),
            ("a constructor", "thing(thing&&) noexcept;", "explicit thing(int value);"),
            ("an enumeration", "namespace detail", "enum class state { on, off };\nnamespace detail"),
            ("a free function", "namespace detail", "HAWSER_EXPORT void run();\nnamespace detail"),
            ("a parameter that is not there", "///< adds", "///< adds @param other is not there"),
        ):
            with self.subTest(name):
                self.assertIn(before, HEADER)
                run = self.judged(HEADER.replace(before, after, 1))
                self.assertNotEqual(run.returncode, 0)


if __name__ == "__main__":
    unittest.main()
