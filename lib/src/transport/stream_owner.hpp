// SPDX-License-Identifier: BSL-1.0

// Whom a stream serves: the connection in which it lies, as far as the stream knows it.
#ifndef HAWSER_SRC_TRANSPORT_STREAM_OWNER_HPP
#define HAWSER_SRC_TRANSPORT_STREAM_OWNER_HPP

#include "loop/tenant.hpp"

namespace hawser::inline v0_1::detail {

/// What a stream was told to wait for has come, or will not. Called from the loop's queue.
class stream_owner : public tenant
{
public:
    using tenant::tenant;

    virtual void on_readable(const error_code& e) = 0;
    virtual void on_writable() = 0;

    // ---- Over TLS

    virtual void on_handshake(const error_code& e) = 0;
    /// A handshake has found no input: the wheel is to look whether that is so.
    virtual void handshake_waits() = 0;
    /// The wheel is to look by then.
    virtual void look_by(time_point at) noexcept = 0;
    /// Ends a handshake whose place others wait for, unless it waits for its peer's answer and something has come: its
    /// reader fails with errc::shed. Says whether it has.
    virtual bool yield_place(bool waits_to_send) = 0;
};

} // namespace hawser::inline v0_1::detail

#endif
