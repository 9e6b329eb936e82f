#include "core.hpp"
#include "stream.hpp"

namespace hawser::detail {

void socket_stream::read(core&, char* into, std::size_t size) noexcept
{
    into_ = into;
    size_ = size;
    begin(reader_, way::in,
          [](polled_socket& s, core& c, const error_code& e) { static_cast<socket_stream&>(s).read_possible(c, e); });
}

void socket_stream::read_possible(core& c, const error_code& e)
{
    if (e)
        return c.on_read(e, 0);
    error_code failed;
    const std::size_t n = receive(into_, size_, failed);
    if (failed == boost::asio::error::would_block)
        return read(c, into_, size_);
    c.on_read(failed, n);
}

void socket_stream::wait_readable(core&) noexcept
{
    begin(reader_, way::in, [](polled_socket&, core& c, const error_code& e) { c.on_readable(e); });
}

void socket_stream::wait_writable(core&) noexcept
{
    begin(writer_, way::out, [](polled_socket&, core& c, const error_code&) { c.on_writable(); });
}

bool socket_stream::end_output() noexcept
{
    shut_down_output();
    return true;
}

} // namespace hawser::detail
