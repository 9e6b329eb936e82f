// SPDX-License-Identifier: BSL-1.0
#include "transport/stream.hpp"
#include "transport/stream_owner.hpp"

namespace hawser::inline v0_1::detail {

void socket_stream::wait_readable(stream_owner&) noexcept
{
    begin(reader_, way::in, [](polled_socket&, stream_owner& c, const error_code& e) { c.on_readable(e); });
}

void socket_stream::wait_writable(stream_owner&) noexcept
{
    begin(writer_, way::out, [](polled_socket&, stream_owner& c, const error_code&) { c.on_writable(); });
}

void socket_stream::wait_gone(stream_owner&) noexcept
{
    begin(reader_, way::gone, [](polled_socket&, stream_owner& c, const error_code& e) { c.on_readable(e); });
}

bool socket_stream::end_output(bool) noexcept
{
    shut_down_output();
    return true;
}

} // namespace hawser::inline v0_1::detail
