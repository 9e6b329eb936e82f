#include "http_answers.hpp"

#include "tally.hpp"

#include <algorithm>
#include <optional>

namespace load {

namespace {

constexpr std::string_view status = "HTTP/1.1 200 ";
constexpr std::string_view body = "Hello, World!";
constexpr std::string_view blank_line = "\r\n\r\n";
constexpr std::size_t most_head = 16 * 1024;
constexpr std::size_t shown = 80;

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

// `head` ends before the CRLF of its last line.
void check(std::string_view head)
{
    const auto line_end = std::min(head.find("\r\n"), head.size());
    if (!head.starts_with(status))
        throw failure{"expected a status of 200, got \"" + std::string{head.substr(0, std::min(line_end, shown))} +
                      '"'};
    std::optional<std::string_view> length;
    head.remove_prefix(line_end);
    while (!head.empty()) {
        head.remove_prefix(2);
        const auto line = head.substr(0, head.find("\r\n"));
        head.remove_prefix(line.size());
        const auto name = line.substr(0, line.find(':'));
        if (equal_names(name, "transfer-encoding") || (length && equal_names(name, "content-length")))
            throw failure{"expected one Content-Length, got \"" + std::string{line} + '"'};
        if (equal_names(name, "content-length"))
            length = trimmed(line.substr(std::min(line.size(), name.size() + 1)));
    }
    if (length != std::to_string(body.size()))
        throw failure{"expected Content-Length: " + std::to_string(body.size()) + ", got " +
                      std::string{length.value_or("none")}};
}

} // namespace

void http_answers::take(std::span<const char> piece)
{
    std::string joined;
    std::string_view text{piece.data(), piece.size()};
    if (!rest_.empty()) {
        joined = rest_.append(text);
        text = joined;
    }
    for (; const auto size = whole_answer(text); ++whole_)
        text.remove_prefix(size);
    rest_ = text;
}

// The size of the answer that the text begins with; 0 if it is not whole.
std::size_t http_answers::whole_answer(std::string_view text)
{
    if (!last_.empty() && text.starts_with(last_))
        return last_.size();
    const auto head = text.find(blank_line);
    if (head == text.npos) {
        if (text.size() > most_head)
            throw failure{"no blank line in " + std::to_string(text.size()) + " bytes of an answer"};
        return 0;
    }
    check(text.substr(0, head));
    const auto size = head + blank_line.size() + body.size();
    if (text.size() < size)
        return 0;
    last_ = text.substr(0, size);
    if (!last_.ends_with(body))
        throw failure{"expected the body \"" + std::string{body} + "\", got \"" + last_.substr(size - body.size()) +
                      '"'};
    return size;
}

} // namespace load
