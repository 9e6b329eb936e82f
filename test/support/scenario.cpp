// SPDX-License-Identifier: BSL-1.0
#include "scenario.hpp"

#include "test/world_inside.hpp"

namespace hawser::test {

std::pair<connection, peer> scenario::connect(const detail::settings& settings)
{
    auto link = std::make_shared<detail::memory_link>(loop());
    return {detail::core_access::make(new detail::connection_core{
                loop(), detail::memory_stream{link, 0}, std::make_shared<const detail::settings>(settings), {}}),
            detail::world_access::peer(*this, link)};
}

std::pair<connection, connection> scenario::connect_pair(const detail::settings& settings)
{
    auto [a, b, link] = connect_both(settings);
    return {std::move(a), std::move(b)};
}

std::tuple<connection, connection, std::shared_ptr<detail::memory_link>>
scenario::connect_both(const detail::settings& settings)
{
    auto link = std::make_shared<detail::memory_link>(loop());
    const auto shared = std::make_shared<const detail::settings>(settings);
    return {detail::core_access::make(new detail::connection_core{loop(), detail::memory_stream{link, 0}, shared, {}}),
            detail::core_access::make(new detail::connection_core{loop(), detail::memory_stream{link, 1}, shared, {}}),
            link};
}

} // namespace hawser::test
