// SPDX-License-Identifier: BSL-1.0

// The codec of application messages: the bytes of Python's own serialization both ways, limits, text, and what a header
// may not be.
#include <hawser/message.hpp>

#define BOOST_TEST_MODULE message
#include <boost/test/unit_test.hpp>

#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

using namespace hawser::messages;
using hawser::bytes_view;
using hawser::symbol;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// A header behind its length.
std::string with_length(const std::string& json)
{
    return std::string{static_cast<char>(json.size() >> 8U), static_cast<char>(json.size() & 0xffU)} + json;
}

// The order and the spaces of a Python peer; the fields as they stand in JSON.
std::string header(const std::string& order, const std::string& type, const std::string& encoding,
                   const std::string& length)
{
    return with_length("{\"byteorder\": " + order + ", \"content-type\": " + type +
                       ", \"content-encoding\": " + encoding + ", \"content-length\": " + length + "}");
}

std::string header_of_length(const std::string& length)
{
    return header("\"little\"", "\"text/json\"", "\"utf-8\"", length);
}

// What becomes of these bytes: "TYPE ENCODING ORDER CONTENT", "(more)", or the words of the refusal.
std::string decoded(bytes_view bytes, const limits& l = {})
{
    decoder in{l};
    try {
        const auto m = in.decode(bytes);
        if (!m)
            return "(more)";
        return m->type + ' ' + m->encoding + (m->order == std::endian::little ? " little " : " big ") +
               std::string{m->content};
    } catch (const message_error& e) {
        return e.what();
    }
}

message_error refusal(bytes_view bytes, const limits& l = {})
{
    decoder in{l};
    try {
        in.decode(bytes);
    } catch (const message_error& e) {
        return e;
    }
    throw std::logic_error{"not refused"};
}

message_error text_refusal(const message& m)
{
    try {
        const std::string none = m.text();
    } catch (const message_error& e) {
        return e;
    }
    throw std::logic_error{"not refused"};
}

struct vector {
    const char* name;
    message fields;
    std::string wire;
};

// Made by Python 3.11: json.dumps(header, ensure_ascii=False).encode("utf-8"), behind struct.pack(">H", len(it)).
const std::vector<vector> vectors{
    {"a request of JSON",
     {.order = std::endian::little, .content = R"({"action": "search", "value": "morpheus"})"},
     "\0g"
     R"({"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8", "content-length": 41})"
     R"({"action": "search", "value": "morpheus"})"s},
    {"its answer",
     {.order = std::endian::little, .content = "{\"result\": \"Follow the white rabbit. \xf0\x9f\x90\xb0\"}"},
     "\0g"
     R"({"byteorder": "little", "content-type": "text/json", "content-encoding": "utf-8", "content-length": 43})"
     "{\"result\": \"Follow the white rabbit. \xf0\x9f\x90\xb0\"}"s},
    {"a request of bytes",
     {.type = "binary/custom-client-binary-type",
      .encoding = "binary",
      .order = std::endian::little,
      .content = "double\xf0\x9f\x98\x83"},
     "\0\x7f"
     R"({"byteorder": "little", "content-type": "binary/custom-client-binary-type", )"
     R"("content-encoding": "binary", "content-length": 10})"
     "double\xf0\x9f\x98\x83"s},
    {"its answer in bytes, from a big-endian machine",
     {.type = "binary/custom-server-binary-type",
      .encoding = "binary",
      .order = std::endian::big,
      .content = "First 10 bytes of request: double\xf0\x9f\x98\x83"},
     "\0|"
     R"({"byteorder": "big", "content-type": "binary/custom-server-binary-type", )"
     R"("content-encoding": "binary", "content-length": 37})"
     "First 10 bytes of request: double\xf0\x9f\x98\x83"s},
    {"no content",
     {.type = "x", .encoding = "binary", .order = std::endian::little},
     "\0_"
     R"({"byteorder": "little", "content-type": "x", "content-encoding": "binary", "content-length": 0})"s},
    {"fields that need escapes, and fields that do not",
     {.type = "a\"b\\c/d\b\f\n\r\t\x01\x1f\x7f",
      .encoding = "\xc3\xa9\xf0\x9f\x90\xb6",
      .order = std::endian::little,
      .content = "\0\xff"sv},
     "\0~"
     R"({"byteorder": "little", "content-type": "a\"b\\c/d\b\f\n\r\t\u0001\u001f)"
     "\x7f\", \"content-encoding\": \"\xc3\xa9\xf0\x9f\x90\xb6\", \"content-length\": 2}\0\xff"s},
};

} // namespace

// ---- Bytes

BOOST_AUTO_TEST_CASE(what_is_written_is_what_python_writes)
{
    for (const vector& v : vectors)
        BOOST_TEST_CONTEXT(v.name) BOOST_TEST(encode(v.fields) == v.wire);
    BOOST_TEST(vectors[0].wire.size() == 146u);
    BOOST_TEST(vectors[1].wire.size() == 148u);
}

BOOST_AUTO_TEST_CASE(what_python_writes_is_read)
{
    for (const vector& v : vectors) {
        BOOST_TEST_CONTEXT(v.name)
        {
            decoder in;
            const auto m = in.decode(v.wire);
            BOOST_REQUIRE(m.has_value());
            BOOST_TEST(m->type == v.fields.type);
            BOOST_TEST(m->encoding == v.fields.encoding);
            BOOST_TEST((m->order == v.fields.order));
            BOOST_TEST(m->content == v.fields.content);
            BOOST_TEST(in.needed() == v.wire.size());
        }
    }
}

BOOST_AUTO_TEST_CASE(a_message_is_found_however_the_stream_is_cut_and_not_before_its_last_byte)
{
    for (const vector& v : vectors) {
        BOOST_TEST_CONTEXT(v.name)
        {
            decoder in;
            for (std::size_t size = 0; size < v.wire.size(); ++size) {
                const std::string here = v.wire.substr(0, size); // other bytes each time
                BOOST_REQUIRE(!in.decode(here));
                BOOST_REQUIRE(in.needed() > size);
            }
            const auto m = in.decode(v.wire);
            BOOST_REQUIRE(m.has_value());
            BOOST_TEST(m->content == v.fields.content);
        }
    }
}

BOOST_AUTO_TEST_CASE(one_message_follows_another)
{
    std::string stream;
    for (const vector& v : vectors)
        stream += v.wire;
    bytes_view rest = stream;
    decoder in;
    for (const vector& v : vectors) {
        const auto m = in.decode(rest);
        BOOST_REQUIRE(m.has_value());
        BOOST_TEST(m->type == v.fields.type);
        BOOST_TEST(m->content == v.fields.content);
        rest.remove_prefix(in.needed());
    }
    BOOST_TEST(rest.empty());
}

BOOST_AUTO_TEST_CASE(keys_may_stand_in_any_order_with_white_space_and_escapes_and_others_among_them)
{
    const std::string plain = "text/json utf-8 big x";
    for (
        const char* json : {
            R"({"content-length":1,"content-encoding":"utf-8","content-type":"text/json","byteorder":"big"})",
            "\t{\r\n\"content-encoding\" : \"utf-8\" ,\"content-length\" : 1\n, \"byteorder\":\"big\", "
            "\"content-type\": \"text/json\" }  \n",
            R"({"\u0062yteorder": "b\u0069g", "content\u002dtype": "text\/json", "content-encoding": "utf-8",)"
            R"( "content-length": 1})",
            R"({"date": {"content-length": 7, "byteorder": [{"content-type": 1}]}, "content-length": 1, "n": -1e9,)"
            R"( "content-type": "text/json", "t": [true, false, null, "content-length", [[]]], "byteorder": "big",)"
            R"( "content-encoding": "utf-8", "date": "again", "": "", "Content-Length": 3})",
            R"({"a": {"content-\u006cength": "b\u0063", "d": [{"e\u0066": 1.5e3}]}, "content-length": 1, "byteorder": "big",)"
            R"( "content-encoding": "utf-8", "content-type": "text/json"})",
        })
        BOOST_TEST(decoded(with_length(json) + "x") == plain, json);
}

BOOST_AUTO_TEST_CASE(a_zero_with_a_sign_is_a_length_and_the_longest_one_is_no_overflow)
{
    BOOST_TEST(decoded(header_of_length("-0")) == "text/json utf-8 little ");
    BOOST_TEST(decoded(header_of_length("18446744073709551615"), {.content = ~std::size_t{0} - 65'537}) ==
               "content-length: expected 0 to 18446744073709486078, got 18446744073709551615");
    decoder in{{.content = ~std::size_t{0} - 65'537}};
    BOOST_TEST(!in.decode(header_of_length("18446744073709486078")));
    BOOST_TEST(in.needed() > std::size_t{18446744073709486078U});
}

// ---- Limits

BOOST_AUTO_TEST_CASE(a_header_may_have_its_limit_and_not_one_byte_more)
{
    const std::string wire = vectors[0].wire; // with a header of 103 bytes
    BOOST_TEST(decoded(wire, {.header = 103}) != "");
    BOOST_TEST(encode(vectors[0].fields, {.header = 103}) == wire);
    BOOST_TEST(decoded(wire, {.header = 102}) == "header: expected 1 to 102 bytes, got 103");
    BOOST_CHECK_THROW(encode(vectors[0].fields, {.header = 102}), message_error);
    BOOST_TEST(decoded("\x40\0"s) == "(more)");
    BOOST_TEST(decoded("\x40\x01"s) == "header: expected 1 to 16384 bytes, got 16385");
    BOOST_TEST(decoded("\xff\xff"s, {.header = 65'535}) == "(more)");
    BOOST_TEST((refusal("\x40\x01"s).code() == errc::invalid_message_header));
}

BOOST_AUTO_TEST_CASE(content_may_have_its_limit_and_not_one_byte_more)
{
    const std::string most(1024 * 1024, 'x');
    const std::string over = most + 'x';
    for (const limits& l : {limits{}, limits{.content = 1024 * 1024}}) {
        BOOST_TEST(decoded(encode({.order = std::endian::big, .content = most}, l), l) ==
                   "text/json utf-8 big " + most);
        BOOST_TEST(decoded(header_of_length("1048576"), l) == "(more)");
        BOOST_TEST(decoded(header_of_length("1048577"), l) == "content-length: expected 0 to 1048576, got 1048577");
        BOOST_CHECK_EXCEPTION(encode({.content = over}, l), message_error, [](const message_error& e) {
            return e.code() == errc::message_too_large && e.is_answerable() &&
                   e.reply() == "Error: content to send: expected 0 to 1048576 bytes, got 1048577.";
        });
    }
    BOOST_TEST((refusal(header_of_length("1048577")).code() == errc::message_too_large));
    BOOST_TEST(decoded(header_of_length("0"), {.content = 0}) == "text/json utf-8 little ");
    BOOST_TEST(decoded(header_of_length("1"), {.content = 0}) == "content-length: expected 0 to 0, got 1");
}

BOOST_AUTO_TEST_CASE(limits_out_of_range_are_refused)
{
    for (const std::size_t header : {std::size_t{0}, std::size_t{65'536}, ~std::size_t{0}}) {
        BOOST_CHECK_THROW(validate(limits{.header = header}), std::invalid_argument);
        BOOST_CHECK_THROW(decoder({.header = header}), std::invalid_argument);
        BOOST_CHECK_THROW(encode({}, {.header = header}), std::invalid_argument);
    }
    BOOST_CHECK_NO_THROW(validate(limits{.header = 65'535, .content = ~std::size_t{0} - 65'537}));
    BOOST_CHECK_THROW(validate(limits{.content = ~std::size_t{0} - 65'536}), std::invalid_argument);
}

BOOST_AUTO_TEST_CASE(fields_that_are_no_utf_8_are_not_written)
{
    BOOST_CHECK_THROW(encode({.type = "\xff"}), message_error);
    BOOST_CHECK_THROW(encode({.encoding = "\xed\xa0\x80"}), message_error);
}

// ---- Headers that cannot be read

BOOST_AUTO_TEST_CASE(a_header_that_is_no_json_object_is_refused_without_an_answer)
{
    const std::string deep(5000, '[');
    std::string deep_inside = "{\"a\": ";
    for (int i = 0; i < 2000; ++i)
        deep_inside += "{\"a\": ";
    for (const std::string& json : {
             "{"s,
             "{}x"s,
             "{} {}"s,
             "[]"s,
             "[{}]"s,
             "41"s,
             "\"a\""s,
             "null"s,
             "true"s,
             " "s,
             "\0"s,
             "{\"a\"}"s,
             "{'a': 1}"s,
             "{\"a\": 01}"s,
             "{\"a\": 1,}"s,
             "{\"a\": +1}"s,
             "{\"a\": .5}"s,
             "{\"a\": NaN}"s,
             "{\"a\": Infinity}"s,
             "{\"a\": 0x10}"s,
             "{\"a\": 1} // comment"s,
             "{\"a\": \"\n\"}"s,
             "{\"a\": \"\\ud800\"}"s,
             "{\"a\": \"\\x41\"}"s,
             "{\"a\": \"\xff\"}"s,
             "{\"a\": \"\xc0\x80\"}"s,
             "{\"\xed\xa0\x80\": 1}"s,
             "\xef\xbb\xbf{}"s,
             "GET / HTTP/1.1"s,
             deep,
             deep_inside,
             "{\"a\": " + deep.substr(0, 100) + std::string(100, ']') + "}",
         }) {
        const message_error e = refusal(with_length(json));
        BOOST_TEST((e.code() == errc::invalid_message_header), json);
        BOOST_TEST(!e.is_answerable());
        BOOST_TEST(std::string{e.what()}.starts_with("header: expected a JSON object, got none ("), e.what());
    }
    const message_error e = refusal("\0\0"s);
    BOOST_TEST(e.what() == "header: expected 1 to 16384 bytes, got 0"s);
    BOOST_TEST(!e.is_answerable());
}

// ---- Fields

BOOST_AUTO_TEST_CASE(each_wrong_field_is_told_in_the_words_of_the_reply)
{
    const std::string big_number = "1" + std::string(400, '0');
    const std::string long_text(100, 'x');
    const auto of_length = header_of_length;
    const auto of_order = [](const std::string& value) { return header(value, "\"a\"", "\"b\"", "0"); };
    const auto of_type = [](const std::string& value) { return header("\"big\"", value, "\"b\"", "0"); };
    const auto of_encoding = [](const std::string& value) { return header("\"big\"", "\"a\"", value, "0"); };
    const struct {
        std::string wire;
        std::string words;
    } cases[] = {
        {of_length("-2"), "content-length: expected 0 to 1048576, got -2"},
        {of_length("-9223372036854775808"), "content-length: expected 0 to 1048576, got -9223372036854775808"},
        {of_length("1048577"), "content-length: expected 0 to 1048576, got 1048577"},
        {of_length("9223372036854775808"), "content-length: expected 0 to 1048576, got 9223372036854775808"},
        {of_length("18446744073709551616"), "content-length: expected 0 to 1048576, got 18446744073709551616"},
        {of_length("1e400"), "content-length: expected 0 to 1048576, got 1e400"},
        {of_length(big_number),
         "content-length: expected 0 to 1048576, got 1" + std::string(63, '0') + "... (401 bytes)"},
        {of_length("41.0"), "content-length: expected 0 to 1048576, got 41.0"},
        {of_length("4.1e1"), "content-length: expected 0 to 1048576, got 4.1e1"},
        {of_length("\"41\""), "content-length: expected 0 to 1048576, got \"41\""},
        {of_length("true"), "content-length: expected 0 to 1048576, got true"},
        {of_length("null"), "content-length: expected 0 to 1048576, got null"},
        {of_length("[41]"), "content-length: expected 0 to 1048576, got an array"},
        {of_length("{\"a\": 41}"), "content-length: expected 0 to 1048576, got an object"},
        {of_order("\"middle\""), "byteorder: expected \"little\" or \"big\", got \"middle\""},
        {of_order("\"Little\""), "byteorder: expected \"little\" or \"big\", got \"Little\""},
        {of_order("1"), "byteorder: expected \"little\" or \"big\", got 1"},
        {of_order("\"a\\nb\\u0000\""), "byteorder: expected \"little\" or \"big\", got \"a\\nb\\u0000\""},
        {of_order('"' + long_text + '"'),
         "byteorder: expected \"little\" or \"big\", got \"" + long_text.substr(0, 64) + "\"... (100 bytes)"},
        {of_type("7"), "content-type: expected a string, got 7"},
        {of_type("[\"text/json\"]"), "content-type: expected a string, got an array"},
        {of_encoding("null"), "content-encoding: expected a string, got null"},
        {of_encoding("false"), "content-encoding: expected a string, got false"},
        {with_length("{}"), "byteorder: expected \"little\" or \"big\", got nothing"},
        {with_length(R"({"byteorder": "big"})"), "content-type: expected a string, got nothing"},
        {with_length(R"({"byteorder": "big", "content-type": "a"})"),
         "content-encoding: expected a string, got nothing"},
        {with_length(R"({"byteorder": "big", "content-type": "a", "content-encoding": "b"})"),
         "content-length: expected 0 to 1048576, got nothing"},
        {with_length(R"({"byteorder": "big", "content-type": "a", "content-encoding": "b", "Content-Length": 1})"),
         "content-length: expected 0 to 1048576, got nothing"},
        {with_length(R"({"content-length": 1, "byteorder": "big", "content-type": "a", "content-length": 2,)"
                     R"( "content-encoding": "b"})"),
         "content-length: expected it once, got 2 of it"},
        {with_length(R"({"n": 5, "m": [6], "content-type": "", "content-encoding": "", "byteorder": "big",)"
                     R"( "content-length": -2})"),
         "content-length: expected 0 to 1048576, got -2"},
        {with_length(R"({"byteorder": "big", "byteorder": "big", "byteorder": 1})"),
         "byteorder: expected it once, got 3 of it"},
        {with_length(R"({"content-length": 1, "content\u002dlength": 1})"),
         "content-length: expected it once, got 2 of it"},
    };
    for (const auto& c : cases) {
        const message_error e = refusal(c.wire);
        BOOST_TEST(e.what() == c.words);
        BOOST_TEST(e.reply() == "Error: " + c.words + ".");
        BOOST_TEST(e.is_answerable());
        const bool too_large = e.code() == errc::message_too_large;
        BOOST_TEST((too_large || e.code() == errc::invalid_message_field));
    }
}

BOOST_AUTO_TEST_CASE(a_stream_that_ends_inside_a_message_is_told_where)
{
    const std::string& wire = vectors[0].wire;
    const auto cut_after = [&](std::size_t size) {
        decoder in;
        const std::string came = wire.substr(0, size);
        BOOST_REQUIRE(!in.decode(came));
        const message_error e = in.cut(came);
        BOOST_TEST(!e.is_answerable());
        return symbol(e.code()) + ": " + e.what();
    };
    BOOST_TEST(cut_after(1) ==
               "truncated_head: header: expected 2 bytes with its length, got the end of the stream after 1");
    BOOST_TEST(cut_after(2) ==
               "truncated_head: header: expected 105 bytes with its length, got the end of the stream after 2");
    BOOST_TEST(cut_after(104) ==
               "truncated_head: header: expected 105 bytes with its length, got the end of the stream after 104");
    BOOST_TEST(cut_after(105) == "truncated_payload: content: expected 41 bytes, got the end of the stream after 0");
    BOOST_TEST(cut_after(145) == "truncated_payload: content: expected 41 bytes, got the end of the stream after 40");
}

// ---- Text

BOOST_AUTO_TEST_CASE(text_is_decoded_from_each_encoding)
{
    const std::string utf_8 = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb0"; // a, e acute, euro, rabbit
    const struct {
        const char* encoding;
        bytes_view content;
        std::string text;
    } cases[] = {
        {"utf-8", utf_8, utf_8},
        {"UTF_8", "\xef\xbb\xbf"sv, "\xef\xbb\xbf"},
        {"utf8", "", ""},
        {"ascii", "a\0\x7f"sv, "a\0\x7f"s},
        {"us-ascii", "a", "a"},
        {"latin-1", "a\xe9\xff\x80"sv, "a\xc3\xa9\xc3\xbf\xc2\x80"},
        {"ISO-8859-1", "\xe9", "\xc3\xa9"},
        {"latin1", "", ""},
        {"utf-16",
         "\xff\xfe"
         "a\0\xe9\0\xac\x20\x3d\xd8\x30\xdc"sv,
         utf_8},
        {"utf-16", "\xfe\xff\0a\0\xe9\x20\xac\xd8\x3d\xdc\x30"sv, utf_8},
        {"utf-16", "\0a"sv, "a"}, // without a mark in the sender's order, which is big below
        {"utf-16", "", ""},
        {"utf-16-le", "a\0\xe9\0\xac\x20\x3d\xd8\x30\xdc"sv, utf_8},
        {"UTF-16BE", "\0a\0\xe9\x20\xac\xd8\x3d\xdc\x30"sv, utf_8},
        {"utf-16-be", "\xfe\xff"sv, "\xef\xbb\xbf"}, // no mark where the order is known
        {"utf-16-le", "\xff\xdb\xff\xdf"sv, "\xf4\x8f\xbf\xbf"},
        {"utf-16-le", "\xff\xff"sv, "\xef\xbf\xbf"},
    };
    for (const auto& c : cases)
        BOOST_TEST_CONTEXT(c.encoding)
        {
            const message m{.encoding = c.encoding, .order = std::endian::big, .content = c.content};
            BOOST_TEST(m.text() == c.text);
        }
}

BOOST_AUTO_TEST_CASE(text_that_is_none_in_its_encoding_is_refused)
{
    const struct {
        const char* encoding;
        bytes_view content;
        const char* words;
    } cases[] = {
        {"utf-8", "ab\xff", "content: expected utf-8, got 0xff at byte 2"},
        {"utf-8", "\xc0\x80", "content: expected utf-8, got 0xc0 at byte 0"},
        {"utf-8", "\xe0\x80\x80", "content: expected utf-8, got 0xe0 at byte 0"},
        {"utf-8", "\xe2\x82", "content: expected utf-8, got 0xe2 at byte 0"},
        {"utf-8", "\xed\xa0\x80", "content: expected utf-8, got 0xed at byte 0"},
        {"utf-8", "\xf0\x8f\xbf\xbf", "content: expected utf-8, got 0xf0 at byte 0"},
        {"utf-8", "\xf4\x90\x80\x80", "content: expected utf-8, got 0xf4 at byte 0"},
        {"utf-8", "\xf5\x80\x80\x80", "content: expected utf-8, got 0xf5 at byte 0"},
        {"utf-8", "a\x80", "content: expected utf-8, got 0x80 at byte 1"},
        {"ascii", "a\x80", "content: expected ascii, got 0x80 at byte 1"},
        {"utf-16-le", "a\0b"sv, "content: expected utf-16-le, got half a code unit at byte 2"},
        {"utf-16-le", "\x3d\xd8"sv, "content: expected utf-16-le, got 0xd83d alone at byte 0"},
        {"utf-16-le", "\x3d\xd8z"sv, "content: expected utf-16-le, got half a code unit at byte 2"},
        {"utf-16-be", "\xdc\x30\0a"sv, "content: expected utf-16-be, got 0xdc30 alone at byte 0"},
        {"utf-16-be", "\xd8\x3d\0a"sv, "content: expected utf-16-be, got 0xd83d alone at byte 0"},
        {"utf-16", "\xff\xfe\x30\xdc"sv, "content: expected utf-16, got 0xdc30 alone at byte 2"},
    };
    for (const auto& c : cases) {
        const message_error e = text_refusal({.encoding = c.encoding, .content = c.content});
        BOOST_TEST(e.what() == c.words);
        BOOST_TEST((e.code() == errc::invalid_message_content));
        BOOST_TEST(e.is_answerable());
    }
    for (const char* unknown : {"binary", "koi8-r", "", "utf-7", "utf-32"}) {
        const message_error e = text_refusal({.encoding = unknown, .content = "a"});
        BOOST_TEST(e.what() ==
                   "content-encoding: expected utf-8, ascii, latin-1, utf-16, utf-16-le or utf-16-be, got \"" +
                       std::string{unknown} + '"');
        BOOST_TEST((e.code() == errc::invalid_message_field));
    }
}

BOOST_AUTO_TEST_CASE(an_object_of_strings_is_written_as_python_writes_it)
{
    BOOST_TEST(json_object({}) == "{}");
    BOOST_TEST(json_object({{"result", "No match for '\"'."}}) == R"({"result": "No match for '\"'."})");
    BOOST_TEST(json_object({{"action", "search"}, {"value", "\xf0\x9f\x90\xb6\n"}}) ==
               "{\"action\": \"search\", \"value\": \"\xf0\x9f\x90\xb6\\n\"}");
    BOOST_CHECK_THROW(json_object({{"a", "\xff"}}), std::invalid_argument);
    BOOST_CHECK_THROW(json_object({{"\xff", "a"}}), std::invalid_argument);
}
