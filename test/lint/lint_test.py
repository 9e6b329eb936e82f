# SPDX-License-Identifier: BSL-1.0
"""Each check refuses what it is for, and lets the neighbouring good form pass."""
import contextlib
import io
import pathlib
import tempfile
import unittest

import coroutines
import house
import layers
import lint

TABLE = layers.Table("""
values            no-asio
framing  syntax   no-asio
loop
server
values: bytes error
framing: framing
loop: runtime
server: server
asio: values/error.cpp
inside: framing loop
""")


def inside(body):
    return "hawser::awaitable<void> f(hawser::connection& peer)\n{\n" + body + "\n}\n"


class Coroutines(unittest.TestCase):
    BAD = (
        "if (co_await ready()) go();",
        "if (x && co_await ready()) go();",
        "if (!(co_await ready()).has_value()) go();",
        "if (co_await step(); done) go();",
        "if (x = co_await next(); x) go();",
        "if (auto x = 1; co_await use(x)) go();",
        "while (co_await next()) go();",
        "while ((x = co_await next())) go();",
        "do { go(); } while (co_await next());",
        "for (int i = 0; co_await more(i); ++i) go();",
        "for (int i = 0; i < 3; co_await step()) go();",
        "switch (co_await kind()) { default: break; }",
        "co_await send({1, 2});",
        "co_await connect(to, {.source = here});",
        "auto a = co_await connect(to, options{.source = here});",
        "co_await async_write(s, std::array{b(a), b(c)}, token);",
        "co_return co_await peer.write(view{p, n});",
        "auto x = ok ? co_await a() : co_await b();",
        "auto x = co_await a() ? 1 : 2;",
        "use(ok ? 1 : co_await b());",
        "co_return ok ? co_await a() : 0;",
    )
    GOOD = (
        "while (auto frame = co_await peer.read_frame()) co_await peer.write_frame(*frame);",
        "if (auto [error, n] = co_await read(); !error) go();",
        "if (const auto& got = co_await read(); got) go();",
        "if (std::optional<frame> got = co_await read()) go();",
        "for (auto frame = co_await next(); frame; ++i) go();",
        "for (auto& frame : co_await peer.read_frames()) go(frame);",
        "switch (auto kind = co_await next()) { default: break; }",
        "// if (co_await ready()) {}",
        'log("if (co_await ready()) { a ? co_await b : c }");',
        "if (x) { co_await go(); } else { co_await stop(); }",
        "if (each([&](auto x) -> awaitable<void> { co_await go(x); })) go();",
        "co_await spawn(executor, [&]() -> awaitable<void> { co_await go(); }, deferred);",
        "co_await spawn([this] { return ok; });",
        "co_await send(ok ? a : b);",
        "auto t = ok ? 1 : 2; co_await send(t);",
        "options o{.source = here}; co_await connect(to, o);",
        "run(ok ? 1 : 2, [&]() -> awaitable<void> { co_await go(); });",
        "if (ok) co_await go();",
        "while (!done) { co_await go(); }",
        "for (int i = 0; i < n; ++i) co_await go(i);",
        "auto a = co_await x(b[i]); int c[] = {1, 2};",
    )

    def refused(self, text, path="lib/src/a.cpp"):
        return list(coroutines.check(pathlib.PurePath(path), text))

    def test_bad(self):
        for body in self.BAD:
            with self.subTest(body):
                found = self.refused(inside(body))
                self.assertTrue(found)
                self.assertEqual({line for line, _ in found}, {3})

    def test_good(self):
        for body in self.GOOD:
            with self.subTest(body):
                self.assertEqual(self.refused(inside(body)), [])

    def test_a_public_awaitable_bool(self):
        text = "awaitable<bool> read();\n"
        self.assertTrue(self.refused(text, "lib/include/hawser/a.hpp"))
        self.assertEqual(self.refused(text, "lib/src/a.hpp"), [])
        self.assertEqual(self.refused("awaitable<void> read();\n", "lib/include/hawser/a.hpp"), [])


class Layers(unittest.TestCase):
    BAD = (
        ("lib/include/hawser/framing.hpp", "#include <boost/asio/buffer.hpp>"),
        ("lib/src/framing/framing.cpp", "#include <hawser/framing.hpp>\n#include <boost/asio.hpp>"),
        ("lib/src/framing/framing.cpp", "#include <hawser/runtime.hpp>"),
        ("lib/src/framing/framing.cpp", '#include "syntax/url.hpp"'),
        ("lib/src/values/bytes.cpp", '#  include "framing/split.hpp"'),
        ("lib/src/values/bytes.cpp", "#include <boost/asio/error.hpp>"),
        ("lib/src/loop/runtime.cpp", "#include <hawser/server.hpp>"),
        ("lib/src/server/server.cpp", '#include "../../apps/options.hpp"'),
        ("lib/include/hawser/server.hpp", "#include <boost/beast/core.hpp>"),
        ("lib/include/hawser/server.hpp", "#include <openssl/ssl.h>"),
        ("lib/include/hawser/server.hpp", '#include "loop/runtime.hpp"'),
        ("lib/src/server/server.cpp", '#include "framing/split.hpp"'),
        ("lib/src/server/server.cpp", '#include "ledger.hpp"'),
        ("lib/src/server/server.cpp", '#include "unheard_of/ledger.hpp"'),
        ("lib/src/server/server.cpp", "#include <hawser/unheard_of.hpp>"),
        ("lib/src/unheard_of/a.cpp", ""),
        ("lib/src/a.cpp", ""),
        ("lib/include/hawser/unheard_of.hpp", ""),
    )
    GOOD = (
        ("lib/include/hawser/framing.hpp", "#include <hawser/bytes.hpp>\n#include <span>"),
        ("lib/src/framing/framing.cpp", '#include "framing/split.hpp"\n#include <hawser/framing.hpp>'),
        ("lib/src/loop/loop.cpp", '#include "framing/split.hpp"'),
        ("lib/src/server/server.cpp", "#include <hawser/framing.hpp>"),
        ("lib/src/values/error.cpp", "#include <hawser/error.hpp>\n#include <boost/asio/error.hpp>"),
        ("lib/src/server/server.cpp",
         '#include "loop/runtime.hpp"\n#include <boost/asio.hpp>\n#include <boost/beast/http.hpp>'),
        ("lib/src/server/server.cpp", "#include <hawser/server.hpp>\n#include <hawser/bytes.hpp>"),
        ("apps/echo/server.cpp", '#include "common/options.hpp"\n#include <boost/beast/http.hpp>'),
    )

    def refused(self, path, text):
        return list(layers.check(pathlib.PurePath(path), text, TABLE))

    def test_bad(self):
        for path, text in self.BAD:
            with self.subTest(path=path, text=text):
                self.assertTrue(self.refused(path, text))

    def test_good(self):
        for path, text in self.GOOD:
            with self.subTest(path=path, text=text):
                self.assertEqual(self.refused(path, text), [])

    def test_the_table_reads(self):
        table = layers.Table(layers.TABLE.read_text())
        self.assertIn("framing", table.asio_free)
        self.assertNotIn("server", table.asio_free)
        self.assertLess(table.rank["framing"], table.rank["connection"])
        for twice in ("a\nb\na\n", "a b\na: x\nb: x\n", "a\nb: x\n"):
            with self.subTest(twice), self.assertRaises(ValueError):
                layers.Table(twice)


class House(unittest.TestCase):
    BAD = (
        ("lib/src/a.cpp", "// TODO: later"),
        ("README.md", "FIXME"),
        ("dev", "# XXX"),
        ("apps/a.cpp", 'open("/home/someone/file");'),
        ("README.md", "see /work/notes.md"),
        ("test/a.cpp", "std::this_thread::sleep_for(1s);"),
        ("test/support/a.hpp", "::usleep(10);"),
        ("test/integration/a.py", "time.sleep(1)"),
        ("test/integration/a.py", "sleep(1)  # passage:"),
        ("lib/src/a.cpp", "// " + 118 * "x"),
        ("lib/CMakeLists.txt", "file(GLOB_RECURSE sources *.cpp)"),
        ("CMakeLists.txt", "include(FetchContent)"),
        ("CMakeLists.txt", "file(DOWNLOAD x y)"),
    )
    GOOD = (
        ("lib/src/a.cpp", '// unix:/tmp/echo.sock, "/proc/self/status", ${sourceDir}/work/x, lib/work/x'),
        ("test/integration/a.py", "time.sleep(5)  # passage: the time over which CPU is measured"),
        ("bench/a.py", "time.sleep(1)"),
        ("lib/src/a.cpp", "// " + 117 * "x"),
        ("test/a.cpp", "asleep(1);"),
        ("lib/CMakeLists.txt", "target_sources(hawser PRIVATE src/a.cpp)"),
    )

    def refused(self, path, text):
        return list(house.check(pathlib.PurePath(path), text))

    def test_bad(self):
        for path, text in self.BAD:
            with self.subTest(path=path, text=text):
                self.assertTrue(self.refused(path, text))

    def test_good(self):
        for path, text in self.GOOD:
            with self.subTest(path=path, text=text):
                self.assertEqual(self.refused(path, text), [])


class Licence(unittest.TestCase):
    GOOD = (
        ("lib/src/a.cpp", f"// {house.LICENCE}\n#include <a>\n"),
        ("dev", f"#!/bin/sh\n# {house.LICENCE}\n"),
        ("test/a.py", f"# {house.LICENCE}\n"),
        ("CMakeLists.txt", f"# {house.LICENCE}\n"),
        ("README.md", "# Hawser\n"),
    )
    BAD = (
        ("lib/src/a.cpp", f"#include <a>\n// {house.LICENCE}\n"),
        ("lib/include/hawser/a.hpp", ""),
        ("test/fuzz/a.c", f"# {house.LICENCE}\n"),
        ("dev", f"#!/bin/sh\n# {house.LICENCE[:-1]}\n"),
        ("test/a.py", f"#!/usr/bin/env python3\n\n# {house.LICENCE}\n"),
        ("bench/CMakeLists.txt", "project(x)\n"),
        ("lib/package/a.cmake", ""),
    )

    def test_each(self):
        for cases, expected in ((self.GOOD, 0), (self.BAD, 1)):
            for path, text in cases:
                with self.subTest(path=path, text=text):
                    self.assertEqual(len(list(house.check_licence(pathlib.PurePath(path), text))), expected)


class Namespace(unittest.TestCase):
    def refused(self, path, text):
        return len(list(house.check_abi(pathlib.PurePath(path), text)))

    def test_the_library_is_in_the_namespace_of_its_abi(self):
        for inner in ("", "::detail", "::http::detail"):
            self.assertEqual(self.refused("lib/src/a.cpp", f"namespace hawser{inner} {{\n"), 1)
            self.assertEqual(self.refused("lib/include/hawser/a.hpp", f"namespace hawser::inline v0_1{inner} {{\n"), 0)

    def test_others_leave_it_out(self):
        self.assertEqual(self.refused("test/support/a.hpp", "namespace hawser::test {\n"), 0)
        self.assertEqual(self.refused("lib/src/a.cpp", "using namespace hawser::detail;\n"), 0)


HASH = f"# {house.LICENCE}\n"
SLASHES = f"// {house.LICENCE}\n"


class Everything(unittest.TestCase):
    FILES = {
        "CMakeLists.txt": HASH + "project(x)\n",
        "lib/CMakeLists.txt": HASH + "src/values/bytes.cpp include/hawser/bytes.hpp\n",
        "lib/src/values/bytes.cpp": SLASHES + "#include <hawser/bytes.hpp>\n",
        "lib/include/hawser/bytes.hpp": SLASHES,
        "test/CMakeLists.txt": HASH + "values/bytes_test.cpp integration/drain.py\n",
        "test/unit/values/bytes_test.cpp": SLASHES,
        "test/integration/drain.py": HASH,
    }

    def run_over(self, files):
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(io.StringIO()) as out:
            root = pathlib.Path(folder)
            for name, text in files.items():
                (root / name).parent.mkdir(parents=True, exist_ok=True)
                (root / name).write_text(text)
            return lint.main(root), out.getvalue()

    def test_a_clean_tree_passes(self):
        self.assertEqual(self.run_over(self.FILES), (0, "lint: 0 refused in 7 files\n"))

    def test_a_refusal_names_file_and_line(self):
        bad = SLASHES + "#include <hawser/bytes.hpp>\n#include <boost/asio.hpp>\n"
        code, out = self.run_over(self.FILES | {"lib/src/values/bytes.cpp": bad})
        self.assertEqual(code, 1)
        self.assertIn("lib/src/values/bytes.cpp:3: ", out)

    def test_the_architecture_page_shows_what_each_folder_includes(self):
        files = self.FILES | {"lib/CMakeLists.txt": HASH + "src/values/bytes.cpp src/loop/loop.cpp include/hawser/bytes.hpp\n",
                              "lib/src/loop/loop.cpp": SLASHES + "#include <hawser/bytes.hpp>\n"}
        code, out = self.run_over(files | {"lib/src/README.md": "loop  values\n"})
        self.assertEqual(code, 1)
        self.assertIn("lib/src/README.md:1: does not show the line that layers.py prints: loop            Asio  values",
                      out)

    def test_a_file_that_no_list_names_is_refused(self):
        for name in ("lib/src/values/error.cpp", "lib/include/hawser/error.hpp", "test/unit/values/error_test.cpp",
                     "test/unit/framing/bytes_test.cpp", "test/integration/rain.py", "test/fuzz/bytes.cpp",
                     "apps/echo/server.cpp"):
            with self.subTest(name):
                code, out = self.run_over(self.FILES | {name: "\n"})
                self.assertEqual(code, 1)
                self.assertIn(f"{name}:1: not in", out)


if __name__ == "__main__":
    unittest.main()
