#include "connection/core.hpp"
#include "transport/stream.hpp"

namespace hawser::detail {

void socket_stream::wait_readable(core&) noexcept
{
    begin(reader_, way::in, [](polled_socket&, core& c, const error_code& e) { c.on_readable(e); });
}

void socket_stream::wait_writable(core&) noexcept
{
    begin(writer_, way::out, [](polled_socket&, core& c, const error_code&) { c.on_writable(); });
}

void socket_stream::wait_gone(core&) noexcept
{
    begin(reader_, way::gone, [](polled_socket&, core& c, const error_code& e) { c.on_readable(e); });
}

bool socket_stream::end_output(bool) noexcept
{
    shut_down_output();
    return true;
}

} // namespace hawser::detail
