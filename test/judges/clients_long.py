# SPDX-License-Identifier: BSL-1.0
"""What curl, openssl, Chromium, h2load and ab get from the servers, each in its own words."""
import tempfile
import unittest
from pathlib import Path

from certificates import Certificates
from judge import judge, line
from process import Server

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--disable-sync", "--dump-dom")
H2LOAD_REQUESTS = 200_000
BODY = "Hello, World!"


def port(endpoint):
    return endpoint.rpartition(":")[2]


class Clients(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = cls.enterClassContext(tempfile.TemporaryDirectory())
        cls.folder = Path(folder)
        cls.made = Certificates(cls.folder)
        pair = cls.made.server()
        cls.server = cls.enterClassContext(Server("http_server", "--quiet", "--cert", pair.certificate, "--key",
                                                  pair.key, "tcp://127.0.0.1:0", "tls://127.0.0.1:0", listeners=2))
        plain, tls = map(port, cls.server.endpoints)
        cls.http, cls.https, cls.tls = f"http://localhost:{plain}/", f"https://localhost:{tls}/", f"127.0.0.1:{tls}"

    def curl(self, *arguments):
        return judge("curl", "-sS", "--max-time", 60, "--cacert", self.made.ca, *arguments)

    def test_curl_gets_the_page_over_both(self):
        for url in (self.http, self.https):
            self.assertEqual(self.curl(url), BODY)
            self.assertEqual(self.curl("--http1.0", url), BODY)
            facts = self.curl("-o", "/dev/null", "-w", "%{http_code} %{size_download}", "--head", url)
            self.assertEqual(facts, "200 0")

    def test_curl_asks_many_times_on_one_connection(self):
        for url in (self.http, self.https):
            got = self.curl("-w", "%{num_connects}", *20 * [url])
            self.assertEqual(got, BODY + "1" + 19 * (BODY + "0"))

    def test_curl_agrees_on_http_1_1_by_alpn(self):
        got = self.curl("-v", "-o", "/dev/null", self.https)
        line(r"\* ALPN: server accepted http/1\.1", got)
        line(r"\*  SSL certificate verify ok\.", got)

    def test_openssl_verifies_each_version(self):
        ask = "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
        for option, version in (("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")):
            with self.subTest(version=version):
                got = judge("openssl", "s_client", option, "-connect", self.tls, "-servername", "localhost", "-CAfile",
                            self.made.ca, "-verify_return_error", "-alpn", "h2,http/1.1", "-ign_eof", input=ask)
                line(r"Verification: OK", got)
                line(rf"New, {version}, Cipher is \S*(?:GCM|CHACHA20)\S*", got)
                line(r"ALPN protocol: http/1\.1", got)
                line(r"HTTP/1\.1 200 OK", got)
                self.assertIn("\n\n" + BODY, got)

    def test_openssl_gets_nowhere_with_older_versions(self):
        for option in ("-tls1", "-tls1_1"):
            with self.subTest(option=option):
                got = judge("openssl", "s_client", option, "-cipher", "ALL:@SECLEVEL=0", "-connect", self.tls,
                            statuses=(1,))
                line(r"New, \(NONE\), Cipher is \(NONE\)", got)

    def test_chromium_shows_the_page(self):
        for url, trust in ((self.http, ()), (self.https, ("--ignore-certificate-errors",))):
            with self.subTest(url=url), tempfile.TemporaryDirectory() as profile:
                got = judge(*CHROMIUM, *trust, f"--user-data-dir={profile}", url)
                self.assertRegex(got, rf"<body><pre[^>]*>{BODY}</pre></body>")

    def test_h2load_sees_no_failure_in_200000_requests(self):
        for url in (self.http, self.https):
            with self.subTest(url=url):
                got = judge("h2load", "--h1", "-n", H2LOAD_REQUESTS, "-c", 64, url, seconds=300)
                n = H2LOAD_REQUESTS
                line(rf"requests: {n} total, {n} started, {n} done, {n} succeeded, 0 failed, 0 errored, 0 timeout", got)
                line(rf"status codes: {n} 2xx, 0 3xx, 0 4xx, 0 5xx", got)
                self.assertRegex(got, rf", [\d.]+\w*B \({n * len(BODY)}\) data\n")

    def test_ab_takes_an_echo_for_failures_of_one_kind_only(self):
        """As it does with the guides' asynchronous server: the echo of a request is no status line."""
        for model in ("async", "threads", "processes", "blocking"):
            with self.subTest(model=model), Server("bench_server", "--quiet", "--model", model, "--reply", "echo",
                                                   "tcp://127.0.0.1:0") as server:
                got = judge("ab", "-q", "-c", 50, "-n", 1000, f"http://localhost:{port(server.endpoint)}/")
                line(r"Complete requests: +1000", got)
                line(r"Failed requests: +0", got)
                line(r"Non-2xx responses: +1000", got)
                self.assertEqual(server.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
