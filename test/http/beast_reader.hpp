// SPDX-License-Identifier: BSL-1.0

// The requests of a stream as Boost.Beast's parser reads them: an opinion that is not the library's own.
#ifndef HAWSER_TEST_BEAST_READER_HPP
#define HAWSER_TEST_BEAST_READER_HPP

#include "http_stream.hpp"

#include <boost/beast/http/basic_parser.hpp>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace hawser::test {

/// One request. Method, target, version, fields and body are set; trailer fields are left out.
class beast_reader final : public boost::beast::http::basic_parser<true>
{
public:
    beast_reader()
    {
        this->eager(true);
        this->header_limit(std::numeric_limits<std::uint32_t>::max());
        this->body_limit(boost::none);
    }

    http_request request;
    bool in_trailers = false; ///< the last chunk's head was read

private:
    using string_view = boost::beast::string_view;
    using error_code = boost::beast::error_code;

    void on_request_impl(boost::beast::http::verb, string_view method, string_view target, int version,
                         error_code&) override
    {
        request.method = std::string{method};
        request.target = std::string{target};
        request.minor_version = static_cast<unsigned>(version % 10);
    }
    void on_response_impl(int, string_view, int, error_code&) override {}
    void on_field_impl(boost::beast::http::field, string_view name, string_view value, error_code&) override
    {
        if (!is_header_done())
            request.fields.emplace_back(name, value);
    }
    void on_header_impl(error_code&) override {}
    void on_body_init_impl(const boost::optional<std::uint64_t>&, error_code&) override {}
    std::size_t on_body_impl(string_view piece, error_code&) override
    {
        request.body += std::string_view{piece.data(), piece.size()};
        return piece.size();
    }
    void on_chunk_header_impl(std::uint64_t size, string_view, error_code&) override { in_trailers = size == 0; }
    std::size_t on_chunk_body_impl(std::uint64_t, string_view piece, error_code&) override
    {
        request.body += std::string_view{piece.data(), piece.size()};
        return piece.size();
    }
    void on_finish_impl(error_code&) override {}
};

/// Whether Beast reads these requests at the start of the stream too, as far as it says anything about them.
inline bool beast_agrees(const std::vector<http_request>& requests, bytes_view stream)
{
    for (const http_request& ours : requests) {
        beast_reader parser;
        boost::beast::error_code e;
        while (!e && !parser.is_done() && !stream.empty())
            stream.remove_prefix(parser.put(boost::asio::const_buffer{stream.data(), stream.size()}, e));
        const http_request& theirs = parser.request;
        const bool same = ours.method == theirs.method && ours.target == theirs.target &&
                          ours.minor_version == theirs.minor_version && ours.fields == theirs.fields &&
                          ours.body == theirs.body;
        // It takes trailer fields for fields of the head, and refuses what they say there.
        if (same && e && parser.in_trailers)
            return true;
        if (!same || !parser.is_done())
            return false;
    }
    return true;
}

} // namespace hawser::test

#endif
