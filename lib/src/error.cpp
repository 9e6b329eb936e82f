#include <hawser/error.hpp>

#include <netdb.h>

#include <boost/asio/error.hpp>

#include <array>
#include <cstring>

namespace hawser {
namespace {

struct name_and_meaning {
    const char* name;
    const char* meaning;
};

name_and_meaning words(int value) noexcept
{
    switch (static_cast<errc>(value)) {
    case errc::connect_timeout: return {"connect_timeout", "no connection before the deadline"};
    case errc::handshake_timeout: return {"handshake_timeout", "no handshake before the deadline"};
    case errc::accept_timeout: return {"accept_timeout", "nobody connected before the deadline"};
    case errc::idle_timeout: return {"idle_timeout", "no byte before the idle deadline"};
    case errc::frame_timeout: return {"frame_timeout", "frame not finished before its deadline (slow sender)"};
    case errc::write_timeout: return {"write_timeout", "output not taken before the deadline (slow reader)"};
    case errc::drain_timeout: return {"drain_timeout", "session not ended before the drain deadline"};
    case errc::frame_too_large: return {"frame_too_large", "frame longer than the limit"};
    case errc::length_too_small: return {"length_too_small", "frame length less than what it counts"};
    case errc::malformed_length: return {"malformed_length", "frame length that no encoder writes"};
    case errc::malformed_frame: return {"malformed_frame", "frame that its format does not allow"};
    case errc::truncated_head: return {"truncated_head", "stream ended inside the head of a frame"};
    case errc::truncated_payload: return {"truncated_payload", "stream ended inside the payload of a frame"};
    case errc::data_limit: return {"data_limit", "more bytes than a connection may send"};
    case errc::connection_closed: return {"connection_closed", "connection was closed on this side"};
    case errc::too_many_from_address: return {"too_many_from_address", "more connections than one address may have"};
    case errc::shut_down: return {"shut_down", "write after the output was ended"};
    case errc::unexpected_end: return {"unexpected_end", "stream ended before the bytes that were asked for"};
    case errc::invalid_endpoint: return {"invalid_endpoint", "endpoint that cannot be used"};
    case errc::resolver_busy: return {"resolver_busy", "too many name look-ups are waiting"};
    }
    return {"unknown", "unknown error"};
}

class hawser_category final : public boost::system::error_category
{
public:
    const char* name() const noexcept override { return "hawser"; }
    std::string message(int value) const override { return words(value).meaning; }
};

// Names of getaddrinfo's errors; the C library has only their sentences.
std::string resolver_symbol(int value)
{
    struct entry {
        int value;
        const char* name;
    };
    static constexpr std::array entries{
        entry{EAI_NONAME, "EAI_NONAME"}, entry{EAI_AGAIN, "EAI_AGAIN"},     entry{EAI_FAIL, "EAI_FAIL"},
        entry{EAI_FAMILY, "EAI_FAMILY"}, entry{EAI_SERVICE, "EAI_SERVICE"}, entry{EAI_SOCKTYPE, "EAI_SOCKTYPE"},
        entry{EAI_MEMORY, "EAI_MEMORY"}, entry{EAI_SYSTEM, "EAI_SYSTEM"},   entry{EAI_BADFLAGS, "EAI_BADFLAGS"},
    };
    for (const entry& e : entries)
        if (e.value == value)
            return e.name;
    return {};
}

} // namespace

const boost::system::error_category& category() noexcept
{
    static const hawser_category instance;
    return instance;
}

std::string symbol(const error_code& e)
{
    if (e.category() == category())
        return words(e.value()).name;
    if (e.category() == boost::system::system_category() || e.category() == boost::system::generic_category())
        if (const char* name = ::strerrorname_np(e.value()))
            return name;
    if (e.category() == boost::asio::error::get_addrinfo_category())
        if (std::string name = resolver_symbol(e.value()); !name.empty())
            return name;
    if (e == boost::asio::error::eof)
        return "end_of_stream";
    if (e == boost::asio::error::host_not_found)
        return "EAI_NONAME";
    if (e == boost::asio::error::host_not_found_try_again)
        return "EAI_AGAIN";
    return std::string{e.category().name()} + ':' + std::to_string(e.value());
}

} // namespace hawser
