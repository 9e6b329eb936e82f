// SPDX-License-Identifier: BSL-1.0

// Requests whose end two recipients could see in two places. Each payload of the table is followed by a canary, a
// request that only a server answers that saw another end than was meant: none may ever be read.
//
// The classes are those in which servers and proxies have been found to differ: how often, how and where a length or a
// coding is stated, how its name and its value are spelled, and how chunks are.
#include <hawser/http/parser.hpp>

#define BOOST_TEST_MODULE http_smuggling
#include <boost/test/unit_test.hpp>

#include "http_stream.hpp"

#include <string>
#include <vector>

namespace {

using namespace std::string_literals;
using hawser::test::http_reader;
using hawser::test::http_reading;

const std::string canary = "GET /canary HTTP/1.1\r\nHost: canary\r\n\r\n";

// What stands behind the head: a body of three bytes, an empty chunked one, a chunk, nothing. The canary follows.
const std::vector<std::string> bodies = {"abc", "0\r\n\r\n", "3\r\nabc\r\n0\r\n\r\n", ""};

// ---- The classes. Each value is one that no server may take for a length, or for chunked.

const std::vector<std::string> bad_lengths = {
    "",
    "+3",
    "-3",
    "-0",
    "3,",
    ",3",
    "3, 3",
    "3,3",
    "3, 4",
    "3 3",
    "3;",
    "0x3",
    "3.0",
    "3e0",
    "\"3\"",
    "3\t4",
    "three",
    "0003,3",
    "\xb3",
    "3\xa0",
    "3 abc",
    "3:3",
    "(3)",
    "3\v",
    "3\0"s,
    "3\r",
    "1 3",
    "3, chunked",
    "3\r\n 4",
    "3\r\n\t",
    "9999999999999999999",
    "18446744073709551615",
    "18446744073709551616",
    "18446744073709551619",
    "36893488147419103235",
    "00000000000000000003",
};

const std::vector<std::string> bad_codings = {
    "",
    "identity",
    "gzip",
    "gzip, chunked",
    "chunked, identity",
    "chunked, gzip",
    "chunked, chunked",
    "chunked,",
    ",chunked",
    ", chunked",
    "identity, chunked",
    "xchunked",
    "chunkedx",
    "x-chunked",
    "chunke",
    "chunked;",
    "chunked;q=1",
    "chunked; a=b",
    "\"chunked\"",
    "'chunked'",
    "chunked chunked",
    "chun ked",
    "chunk\xc3\xa9"
    "d",
    "chunked\v",
    "\vchunked",
    "chunked\0"s,
    "\0chunked"s,
    "chunked\r",
    "chunked\r\n ",
    "\r\n chunked",
    "gzip\r\n , chunked",
    "chunked\xa0",
    "\xef\xbb\xbf"
    "chunked",
    "[chunked]",
    "chunked/1",
    "chunked=1",
    "true",
    "deflate, compress, gzip",
};

// A field of its own line: as many ways to write a name that some take for the right one.
const std::vector<std::string> disguises = {
    "Transfer-Encoding : chunked",
    "Transfer-Encoding\t: chunked",
    " Transfer-Encoding: chunked",
    "\tTransfer-Encoding: chunked",
    "Transfer_Encoding: chunked",
    "transfer_encoding: chunked",
    "Transfer-Encoding\0: chunked"s,
    "\0Transfer-Encoding: chunked"s,
    "Transfer-Encoding\v: chunked",
    "Transfer-Encoding\r: chunked",
    "Transfer-Encoding\n : chunked",
    "X: y\nTransfer-Encoding: chunked",
    "X: y\rTransfer-Encoding: chunked",
    "Transfer-Encoding chunked",
    "Transfer-Encoding",
    "Transfer Encoding: chunked",
    "Transfer-Encoding;: chunked",
    "\"Transfer-Encoding\": chunked",
    "Transfer-Encoding\xa0: chunked",
    "\xef\xbb\xbfTransfer-Encoding: chunked",
    "Content-Length : 3",
    "Content-Length\t: 3",
    " Content-Length: 3",
    "\tContent-Length: 3",
    "Content_Length: 3",
    "CONTENT_LENGTH: 3",
    "Content-Length\0: 3"s,
    "\0Content-Length: 3"s,
    "Content-Length\v: 3",
    "Content-Length\r: 3",
    "Content-Length\n : 3",
    "X: y\nContent-Length: 3",
    "X: y\rContent-Length: 3",
    "Content-Length 3",
    "Content-Length",
    "Content Length: 3",
    "Content-Length;: 3",
    "Content-Length=3",
    "Content-Length\xa0: 3",
    "Connection: Content-Length",
    "Connection: close, transfer-encoding",
};

// A body that begins behind `Transfer-Encoding: chunked` and is none. Before it stands a chunk that is one, or nothing.
const std::vector<std::string> bad_chunks = {
    "0x3\r\nabc\r\n",
    "+3\r\nabc\r\n",
    "-3\r\nabc\r\n",
    " 3\r\nabc\r\n",
    "3 \r\nabc\r\n",
    "3\t\r\nabc\r\n",
    "3 ;a=b\r\nabc\r\n",
    "3; a=b\r\nabc\r\n",
    "3;a =b\r\nabc\r\n",
    "3;a= b\r\nabc\r\n",
    "3;\r\nabc\r\n",
    "3;=b\r\nabc\r\n",
    "3;a=\r\nabc\r\n",
    "3;a=\"\r\n\"\r\nabc\r\n",
    "3;a=\"b\r\nabc\r\n",
    "3;a=\"b\\\r\nabc\r\n",
    "3;a=\"b\"c\r\nabc\r\n",
    "3;a=\"b\n\"\r\nabc\r\n",
    "3;a=\"\0\"\r\nabc\r\n"s,
    "3;a\nabc\r\n",
    "3\nabc\r\n",
    "3\r\rabc\r\n",
    "3\rabc\r\n",
    "3\r\nabc\n",
    "3\r\nabc\r",
    "3\r\nabcd\r\n",
    "3\r\nab\r\n",
    "3\r\nabc0\r\n\r\n",
    "00000000000000003\r\nabc\r\n",
    "10000000000000003\r\nabc\r\n",
    "g\r\nabc\r\n",
    "3g\r\nabc\r\n",
    "\r\nabc\r\n",
    ";a=b\r\nabc\r\n",
    "3,3\r\nabc\r\n",
    "3.0\r\nabc\r\n",
    "\0003\r\nabc\r\n"s,
    "3\0\r\nabc\r\n"s,
    "0\n\n",
    "0\r\n\n",
    "0\r\n\rX",
    "0 \r\n\r\n",
    "0;\r\n\r\n",
    "-0\r\n\r\n",
};

const std::vector<std::string> bad_trailers = {
    "Content-Length: 3",
    "content-length: 3",
    "Transfer-Encoding: chunked",
    "transfer-encoding: identity",
    "A : 1",
    " A: 1",
    "A: 1\r\n 2",
    "A: 1\nB: 2",
    "A: 1\rB: 2",
    "A",
    ": 1",
    "A: \0"s,
    "A\0: 1"s,
    "A B: 1",
    "A: 1\r",
    "GET / HTTP/1.1",
};

// ---- The payloads

struct payload {
    std::string name;
    std::string bytes;
    bool head_is_good = false; // it is the body that is refused
};

std::string shown(const std::string& bytes)
{
    return describe(hawser::http::refusal{{}, "", bytes});
}

std::string post(const std::string& fields, const std::string& version = "1.1")
{
    return "POST / HTTP/" + version + "\r\nHost: a\r\n" + fields + "\r\n\r\n";
}

std::vector<payload> make_payloads()
{
    std::vector<payload> all;
    const auto add = [&all](const std::string& name, const std::string& fields) {
        for (const std::string& body : bodies)
            all.push_back({name + shown(fields) + shown(body), post(fields) + body});
    };
    for (const std::string& length : bad_lengths) {
        add("length", "Content-Length: " + length);
        add("two lengths", "Content-Length: 3\r\nContent-Length: " + length);
        add("two lengths, the other way", "Content-Length: " + length + "\r\nContent-Length: 3");
        add("length beside chunked", "Transfer-Encoding: chunked\r\nContent-Length: " + length);
    }
    for (const std::string length : {"0", "3", "5"}) {
        add("equal lengths", "Content-Length: " + length + "\r\nContent-Length: " + length);
        add("chunked, then a length", "Transfer-Encoding: chunked\r\nContent-Length: " + length);
        add("a length, then chunked", "Content-Length: " + length + "\r\nTransfer-Encoding: chunked");
        add("in any case", "tRANSFER-eNCODING: CHUNKED\r\ncontent-LENGTH: " + length);
    }
    for (const std::string& coding : bad_codings) {
        add("coding", "Transfer-Encoding: " + coding);
        add("coding, then chunked", "Transfer-Encoding: " + coding + "\r\nTransfer-Encoding: chunked");
        add("chunked, then coding", "Transfer-Encoding: chunked\r\nTransfer-Encoding: " + coding);
        add("coding, then length", "Transfer-Encoding: " + coding + "\r\nContent-Length: 3");
        add("length, then coding", "Content-Length: 3\r\nTransfer-Encoding: " + coding);
    }
    for (const std::string& disguise : disguises) {
        add("disguise", disguise);
        add("disguise beside a length", disguise + "\r\nContent-Length: 3");
        add("disguise behind chunked", "Transfer-Encoding: chunked\r\n" + disguise);
    }
    for (const std::string& body : bodies) {
        all.push_back({"chunked in 1.0" + shown(body), post("Transfer-Encoding: chunked", "1.0") + body});
        all.push_back({"chunked in 1.0, kept alive" + shown(body),
                       post("Connection: keep-alive\r\nTransfer-Encoding: chunked", "1.0") + body});
    }
    const std::string chunked = post("Transfer-Encoding: chunked");
    for (const std::string& chunk : bad_chunks) {
        all.push_back({"chunk" + shown(chunk), chunked + chunk, true});
        all.push_back({"second chunk" + shown(chunk), chunked + "3\r\nabc\r\n" + chunk, true});
    }
    for (const std::string& trailer : bad_trailers) {
        all.push_back({"trailer" + shown(trailer), chunked + "0\r\n" + trailer + "\r\n\r\n", true});
        all.push_back({"second trailer" + shown(trailer), chunked + "0\r\nA: 1\r\n" + trailer + "\r\n\r\n", true});
    }
    return all;
}

} // namespace

BOOST_AUTO_TEST_CASE(no_payload_is_read_as_a_request_and_no_canary_is_ever_reached)
{
    const std::vector<payload> payloads = make_payloads();
    BOOST_TEST(payloads.size() >= 400U);
    BOOST_TEST_MESSAGE(payloads.size() << " payloads");
    for (const payload& each : payloads) {
        const http_reading got = hawser::test::read_http(each.bytes + canary);
        BOOST_TEST(got.requests.empty(), each.name << ": " << got);
        BOOST_TEST(got.heads == (each.head_is_good ? 1 : 0), each.name << ": " << got);
        BOOST_TEST((got.refused == 400 || got.refused == 501), each.name << ": " << got);
        BOOST_TEST(http_reader{}.read(each.bytes + canary, 1, 1) == got, each.name << ": " << got);
    }
}

BOOST_AUTO_TEST_CASE(codings_that_are_not_understood_are_501_and_all_else_is_400)
{
    const auto refused = [](const std::string& fields) {
        return hawser::test::read_http(post(fields) + "0\r\n\r\n" + canary).refused;
    };
    BOOST_TEST(refused("Transfer-Encoding: gzip, chunked") == 501);
    BOOST_TEST(refused("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked") == 501);
    BOOST_TEST(refused("Transfer-Encoding: gzip\r\nContent-Length: 3") == 400);
    BOOST_TEST(refused("Transfer-Encoding: gzip") == 400);
    BOOST_TEST(refused("Transfer-Encoding: xchunked") == 400);
    BOOST_TEST(refused("Transfer-Encoding: chunked, identity") == 400);
    BOOST_TEST(refused("Transfer-Encoding: ,chunked") == 400);
    BOOST_TEST(refused("Content-Length: 3, 3") == 400);
}

// The same bytes without what is wrong: the canary is a request of its own, so that the test above could see one.
BOOST_AUTO_TEST_CASE(the_canary_is_read_behind_a_request_that_is_right)
{
    for (const std::string& right : {
             post("Content-Length: 3") + "abc",
             post("content-length:\t3 ") + "abc",
             post("Content-Length: 000003") + "abc",
             post("Transfer-Encoding: chunked") + "0\r\n\r\n",
             post("transfer-encoding:CHUNKED\t") + "3\r\nabc\r\n00\r\nAuthorization: a\r\nHost: b\r\n\r\n",
             post("Transfer-Encoding: chunked") + "3;a;b=c;d=\"e\\\"\t\\\\\"\r\nabc\r\n0;f\r\n\r\n",
             post("Content-Length-: 5\r\nContent-Lengt: 5\r\nX-Content-Length: 5"),
         }) {
        const http_reading got = hawser::test::read_http(right + canary);
        BOOST_TEST_REQUIRE(got.requests.size() == 2U, shown(right) << got);
        BOOST_TEST(got.requests[1].target == "/canary");
        BOOST_TEST(http_reader{}.read(right + canary, 1, 1) == got);
    }
}
