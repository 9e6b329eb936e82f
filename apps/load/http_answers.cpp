// SPDX-License-Identifier: BSL-1.0
#include "http_answers.hpp"

#include "errors.hpp"
#include "shown.hpp"

#include <algorithm>
#include <charconv>

namespace load {

namespace {

constexpr std::string_view version = "HTTP/1.1 ";
constexpr std::string_view body = "Hello, World!";
constexpr std::string_view blank_line = "\r\n\r\n";
constexpr std::size_t most_head = 16 * 1024;
constexpr std::size_t most_body = 64 * 1024; // of an answer whose status is not 200

bool equal_names(std::string_view a, std::string_view b)
{
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + ('a' - 'A')) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
}

std::string_view trimmed(std::string_view text)
{
    const auto begin = text.find_first_not_of(" \t");
    return begin == text.npos ? "" : text.substr(begin, text.find_last_not_of(" \t") + 1 - begin);
}

template <class Number>
bool read(std::string_view digits, Number& number)
{
    const auto end = digits.data() + digits.size();
    const auto [at, error] = std::from_chars(digits.data(), end, number);
    return error == std::errc{} && at == end;
}

struct answer_head {
    unsigned status = 0;
    std::size_t body = 0; ///< bytes
};

// `text` ends before the CRLF of its last line.
answer_head read_head(std::string_view text)
{
    answer_head head;
    const auto line = text.substr(0, text.find("\r\n"));
    const auto code = line.substr(0, version.size() + 4).substr(std::min(line.size(), version.size()));
    if (!line.starts_with(version) || !code.ends_with(' ') || !read(code.substr(0, 3), head.status) ||
        head.status < 200)
        throw failure{"expected a status of 200, got " + shown(line)};

    std::optional<std::string_view> length;
    text.remove_prefix(line.size());
    while (!text.empty()) {
        text.remove_prefix(2);
        const auto field = text.substr(0, text.find("\r\n"));
        text.remove_prefix(field.size());
        const auto name = field.substr(0, field.find(':'));
        if (equal_names(name, "transfer-encoding") || (length && equal_names(name, "content-length")))
            throw failure{"expected one Content-Length, got " + shown(field)};
        if (equal_names(name, "content-length"))
            length = trimmed(field.substr(std::min(field.size(), name.size() + 1)));
    }
    const bool has_body = head.status != 204 && head.status != 304;
    if (head.status == 200 && length != std::to_string(body.size()))
        throw failure{"expected Content-Length: " + std::to_string(body.size()) + ", got " +
                      (length ? shown(*length) : "none")};
    if (has_body && (!length || !read(*length, head.body) || head.body > most_body))
        throw failure{"expected a Content-Length of at most " + std::to_string(most_body) + " after " + shown(line) +
                      ", got " + (length ? shown(*length) : "none")};
    return head;
}

} // namespace

std::optional<http_answers::other> http_answers::take(std::span<const char> piece)
{
    std::string joined;
    std::string_view text{piece.data(), piece.size()};
    if (!rest_.empty()) {
        joined = rest_.append(text);
        text = joined;
    }
    std::optional<other> found;
    while (!found) {
        const auto [size, status] = whole_answer(text);
        if (size == 0)
            break;
        if (status != 200)
            found = {status, shown(text.substr(0, text.find("\r\n")))};
        ++whole_;
        text.remove_prefix(size);
    }
    rest_ = text;
    return found;
}

http_answers::answer http_answers::whole_answer(std::string_view text)
{
    if (!last_.empty() && text.starts_with(last_))
        return {last_.size(), 200};
    const auto end = text.find(blank_line);
    if (end == text.npos) {
        if (text.size() > most_head)
            throw failure{"no blank line in " + std::to_string(text.size()) + " bytes of an answer"};
        return {};
    }
    const auto head = read_head(text.substr(0, end));
    const auto size = end + blank_line.size() + head.body;
    if (text.size() < size)
        return {};
    if (head.status == 200) {
        last_ = text.substr(0, size);
        if (!last_.ends_with(body))
            throw failure{"expected the body " + shown(body) + ", got " + shown(last_.substr(size - body.size()))};
    }
    return {size, head.status};
}

} // namespace load
