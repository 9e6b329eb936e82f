# SPDX-License-Identifier: BSL-1.0
"""The extractor and the driver refuse what they should: checked on small texts of their own."""
import pathlib
import tempfile
import textwrap
import unittest

import build_and_run
import snippets

LISTEN = """
    #include <arpa/inet.h>
    #include <csignal>
    #include <sys/socket.h>
    int main()
    {
        const char* where = "127.0.0.1:7000";
        unsigned port = 0;
        for (const char* p = where + 10; *p; ++p)
            port = port * 10 + static_cast<unsigned>(*p - '0');
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTERM);
        sigprocmask(SIG_BLOCK, &set, nullptr);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(static_cast<unsigned short>(port));
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int s = socket(AF_INET, SOCK_STREAM, 0);
        const int yes = 1;
        setsockopt(s, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof yes);
        if (bind(s, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0 || listen(s, 8) != 0)
            return 3;
        int signal = 0;
        sigwait(&set, &signal);
        return %d;
    }
"""


def block(mark, code, fence="```"):
    return (f"<!-- snippet: {mark} -->\n" if mark else "") + f"{fence}cpp\n{textwrap.dedent(code)}\n{fence}\n"


class Cut(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.wrappers = pathlib.Path(folder.name)
        (self.wrappers / "function.cpp").write_text("void f()\n{\n// BODY\n}\n")
        (self.wrappers / "main.cpp").write_text("int main()\n{\n// BODY\n}\n")
        (self.wrappers / "bodiless.cpp").write_text("void f();\n")

    def cut(self, text):
        return snippets.cut(text, self.wrappers)

    def test_programs_and_pieces(self):
        text = ("# Title\n\n```sh\nmake\n```\n" + block("server", "int main() {}") + "text\n"
                + block("function", "g();") + block("client main", "h();") + "  " + "```\nint x;\n  ```\n")
        found = self.cut(text)
        self.assertEqual([piece.role for piece in found], ["server", None, "client"])
        self.assertEqual(found[0].line, 8)
        self.assertEqual(found[1].code, 'void f()\n{\n#line 13 "README.md"\ng();\n\n}\n'.replace("\n\n", "\n"))

    def test_an_indented_block_and_a_longer_fence(self):
        found = self.cut("- item\n\n  <!-- snippet: function -->\n  ```cpp\n  a(\n    b);\n  ```\n"
                         + block("function", "c();", "````"))
        self.assertIn("\na(\n  b);\n", found[0].code)
        self.assertEqual(len(found), 2)

    def test_refused(self):
        for name, text in {
            "a piece without a mark": block("", "g();"),
            "a program without a mark": block("", "int main() {}"),
            "a mark that is not right above": "<!-- snippet: function -->\n\n" + block("", "g();"),
            "an unknown wrapper": block("nothing-like-it", "g();"),
            "a wrapper without a body": block("bodiless", "g();"),
            "a piece with only a role": block("server", "g();"),
            "a role for what is no program": block("client function", "g();"),
            "two roles": block("client server", "int main() {}"),
            "a program with a wrapper": block("server function", "int main() {}"),
            "a block without an end": "```cpp\ng();\n",
            "another spelling of the language": "```c++\ng();\n```\n",
        }.items():
            with self.subTest(name), self.assertRaises(snippets.Refused):
                self.cut(text)


class BuildAndRun(unittest.TestCase):
    def run_text(self, text):
        with tempfile.TemporaryDirectory() as folder:
            return build_and_run.build_and_run(snippets.cut(text), pathlib.Path(folder))

    def refuses(self, text, words):
        with self.assertRaisesRegex(build_and_run.Failed, words):
            self.run_text(text)

    def test_a_server_and_its_client(self):
        good = block("server", LISTEN % 0) + block("client", "int main() {}") + block("program", "int main() {}")
        self.assertEqual(self.run_text(good), 3)

    def test_code_that_does_not_compile(self):
        self.refuses(block("program", "int main() { no_such_thing(); }"), "README.md:3: does not compile")

    def test_a_program_that_fails(self):
        self.refuses(block("program", "int main() { return 1; }"), "README.md:3: failed")

    def test_a_client_that_fails(self):
        self.refuses(block("server", LISTEN % 0) + block("client", "int main() { return 1; }"), "failed")

    def test_a_client_without_a_server(self):
        self.refuses(block("client", "int main() {}"), "no server")

    def test_a_server_that_ends_at_once(self):
        self.refuses(block("server", "int main() {}"), "the server ended with 0")

    def test_a_server_that_ends_badly(self):
        self.refuses(block("server", LISTEN % 4), "ended with 4 after SIGTERM")


if __name__ == "__main__":
    unittest.main()
