// The errors of Hawser's own, beside those of the kernel: each deadline, each way a frame can be wrong,
// each limit, by its cause.
//
// Uses Boost.System alone. Kernel errors keep their own category; symbol() names either kind.
#ifndef HAWSER_ERROR_HPP
#define HAWSER_ERROR_HPP

#include <boost/system/error_code.hpp>
#include <boost/system/system_error.hpp>

#include <string>
#include <type_traits>
#include <utility>

namespace hawser {

using boost::system::error_code;
using boost::system::system_error;

/// What Hawser itself reports. The symbol of each, as symbol() gives it, is its name here.
enum class errc {
    // Deadlines, by cause.
    connect_timeout = 1, ///< no connection within the total connect deadline
    handshake_timeout,   ///< the TLS handshake took too long
    accept_timeout,      ///< nobody connected before the deadline given to acceptor::accept
    idle_timeout,        ///< no byte either way while waiting between two frames
    frame_timeout,       ///< a frame was begun and not finished in time: a slow sender
    write_timeout,       ///< the peer took too little of the waiting output: a slow reader
    drain_timeout,       ///< the session outlived the drain deadline

    // Frames.
    frame_too_large,   ///< longer than the limit, or than the length field can say
    length_too_small,  ///< a length that is less than what it counts
    malformed_length,  ///< a varint or netstring head that no encoder writes
    malformed_frame,   ///< what follows the payload is not what the format says
    truncated_head,    ///< the stream ended inside a head
    truncated_payload, ///< the stream ended inside a payload

    // Connections and limits.
    data_limit,            ///< one byte more than the connection may send in all
    connection_closed,     ///< this side has closed the connection
    too_many_from_address, ///< over the limit of connections from one address
    shut_down,             ///< this side has ended its output (half-close), and then wrote
    unexpected_end,        ///< the peer ended the stream inside what read(n) was promised

    // Names and endpoints.
    invalid_endpoint, ///< an endpoint string that cannot be read
    resolver_busy,    ///< too many name look-ups are waiting already
};

/// The category of errc: its name is "hawser".
const boost::system::error_category& category() noexcept;

inline error_code make_error_code(errc e) noexcept
{
    return {static_cast<int>(e), category()};
}

/// The symbol of an error as a reader can search for it: "ECONNREFUSED" for the kernel's own, "EAI_NONAME" for a
/// name look-up's, "idle_timeout" for Hawser's. For a category that has no symbols, "category:value".
std::string symbol(const error_code& e);

/// An error with a sentence of its own: what() names the value and what was expected, code() stays to be compared.
class described_error : public system_error
{
public:
    described_error(const error_code& code, std::string sentence) : system_error{code}, sentence_{std::move(sentence)}
    {}
    const char* what() const noexcept override { return sentence_.c_str(); }

private:
    std::string sentence_;
};

/// A frame that was refused, by its format or its limit, on the way in or out.
class frame_error : public described_error
{
public:
    using described_error::described_error;
};

/// An endpoint that cannot be read, or cannot be had.
class endpoint_error : public described_error
{
public:
    using described_error::described_error;
};

} // namespace hawser

template <>
struct boost::system::is_error_code_enum<hawser::errc> : std::true_type {};

#endif
