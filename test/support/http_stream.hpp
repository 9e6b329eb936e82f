// SPDX-License-Identifier: BSL-1.0

// A stream of HTTP bytes read as a server reads it, without one: request after request, each with its body, until one
// is refused or ends the connection. Every piece is parsed from an allocation of exactly its size, so that a look
// beyond it is a look beyond an allocation.
#ifndef HAWSER_TEST_HTTP_STREAM_HPP
#define HAWSER_TEST_HTTP_STREAM_HPP

#include "kit_namespace.hpp"

#include <hawser/http/parser.hpp>

#include <algorithm>
#include <memory>
#include <ostream>
#include <string>
#include <utility>
#include <vector>

namespace hawser::test {

struct http_request {
    std::string method;
    std::string target;
    std::string path;
    std::string query;
    std::string host;
    unsigned minor_version = 1;
    bool keep_alive = true;
    bool expects_continue = false;
    std::vector<std::pair<std::string, std::string>> fields;
    std::string body;

    friend bool operator==(const http_request&, const http_request&) = default;
};

struct http_reading {
    std::vector<http_request> requests; ///< those that were complete, bodies included
    int heads = 0;                      ///< how many heads were accepted
    int refused = 0;                    ///< the status of the refusal; 0: none
    std::string words;                  ///< of the refusal
    std::size_t rest = 0;               ///< bytes that nothing has interpreted
    bool unfinished = false;            ///< the stream ended inside a request

    friend bool operator==(const http_reading&, const http_reading&) = default;
    friend std::ostream& operator<<(std::ostream& out, const http_reading& r)
    {
        out << r.requests.size() << " requests, " << r.heads << " heads, rest " << r.rest;
        if (r.refused != 0)
            out << ", refused " << r.refused << ": " << r.words;
        return out << (r.unfinished ? ", unfinished" : "");
    }
};

/// A copy in an allocation of exactly its size.
class exact_copy
{
public:
    explicit exact_copy(bytes_view bytes) : bytes_{std::make_unique<char[]>(bytes.size())}, size_{bytes.size()}
    {
        std::copy(bytes.begin(), bytes.end(), bytes_.get());
    }
    bytes_view view() const noexcept { return {bytes_.get(), size_}; }

private:
    std::unique_ptr<char[]> bytes_;
    std::size_t size_;
};

inline http_request copy_of(const http::request_head& head)
{
    http_request copy{std::string{head.method_text()},
                      std::string{head.target()},
                      std::string{head.path()},
                      std::string{head.query()},
                      std::string{head.host()},
                      head.minor_version(),
                      head.keep_alive(),
                      head.expects_continue(),
                      {},
                      {}};
    for (const auto& [name, value] : head.fields())
        copy.fields.emplace_back(name, value);
    return copy;
}

/// Reads a stream that comes in pieces: the first of `first` bytes, the others of `piece` each.
class http_reader
{
public:
    explicit http_reader(std::uint64_t body_limit = 1024 * 1024, const http::head_limits& limits = {})
        : parser_{limits}, limits_{limits}, body_limit_{body_limit}
    {}

    http_reading read(bytes_view stream, std::size_t first, std::size_t piece)
    {
        for (std::size_t end = std::min(first, stream.size());; end = std::min(end + piece, stream.size())) {
            while (take(stream.substr(at_, end - at_))) {
            }
            if (ended_ || end == stream.size())
                break;
        }
        // How much had come by then depends on the pieces, and so does the rest.
        result_.rest = result_.refused != 0 ? 0 : stream.size() - at_;
        result_.unfinished = !ended_ && (in_body_ || result_.rest != 0);
        return std::move(result_);
    }

private:
    // Whether to go on with what is left.
    bool take(bytes_view bytes)
    {
        if (ended_)
            return false;
        const exact_copy input{bytes};
        return in_body_ ? take_body(input.view()) : take_head(input.view());
    }

    bool take_head(bytes_view input)
    {
        if (input.empty())
            return false;
        switch (parser_.parse(input)) {
        case http::progress::need_more: return false;
        case http::progress::refused: return refuse(parser_.refusal());
        case http::progress::complete: break;
        }
        ++result_.heads;
        request_ = copy_of(parser_.head());
        at_ += parser_.head().size();
        body_.start(parser_.head(), body_limit_, limits_);
        in_body_ = true;
        return true;
    }

    bool take_body(bytes_view input)
    {
        const http::body_step step = body_.next(input);
        at_ += step.consumed;
        switch (step.state) {
        case http::body_state::need_more: return false;
        case http::body_state::refused: return refuse(body_.refusal());
        case http::body_state::data: request_.body += step.data; return true;
        case http::body_state::done: break;
        }
        in_body_ = false;
        ended_ = !request_.keep_alive;
        result_.requests.push_back(std::move(request_));
        parser_.reset();
        return !ended_;
    }

    bool refuse(const http::refusal& why)
    {
        ended_ = true;
        result_.refused = static_cast<int>(why.status);
        result_.words = describe(why);
        return false;
    }

    http::request_parser parser_;
    http::body_decoder body_;
    http::head_limits limits_;
    std::uint64_t body_limit_;
    http_request request_;
    http_reading result_;
    std::size_t at_ = 0;
    bool in_body_ = false;
    bool ended_ = false;
};

/// The whole stream at once.
inline http_reading read_http(bytes_view stream)
{
    return http_reader{}.read(stream, stream.size(), 1);
}

} // namespace hawser::test

#endif
