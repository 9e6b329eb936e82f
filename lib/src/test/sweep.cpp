// SPDX-License-Identifier: BSL-1.0
#include <hawser/test/sweep.hpp>

#include "test/world_inside.hpp"

#include <cstdio>
#include <memory>
#include <utility>
#include <vector>

namespace hawser::inline v0_1::test {
namespace {

using hawser::detail::disturbance;

struct disturbed_world {
    disturbance by;
    world run;
    disturbed_world(const server_options& server, disturbance d)
        : by{std::move(d)}, run{hawser::detail::world_access::disturbed(server, by)}
    {}
};

// A world with something left in it is kept for good: whoever holds that may still use it.
void leak(std::unique_ptr<disturbed_world> w)
{
    static auto* const kept = new std::vector<std::unique_ptr<disturbed_world>>;
    kept->push_back(std::move(w));
}

std::string where_of(const disturbance& by, std::size_t step)
{
    return by.has_struck() ? "step " + std::to_string(step) + " (" + by.where() + ')' : "undisturbed";
}

// One run; whether it was struck. Throws sweep_error if it was not as it should be.
bool struck_at(std::size_t step, const std::string& name, const scenario_function& scenario,
               const sweep_options& options, disturbance::kind kind)
{
    auto all = std::make_unique<disturbed_world>(options.server, disturbance{kind, step, options.cancellation});
    const disturbance& by = all->by;
    world& run = all->run;
    try {
        scenario(run);
    } catch (const system_error&) {
        if (!by.has_struck())
            throw;
    } catch (const std::exception& e) {
        if (!by.has_struck())
            throw;
        throw sweep_error{step, name + ": " + where_of(by, step) + ": throws " + e.what()};
    }
    const bool struck = by.has_struck();
    if (const remains left = run.settle(); !left.none()) {
        const std::string words = left.to_string();
        const std::size_t at = struck ? step : 0;
        const std::string where = where_of(by, step);
        leak(std::move(all));
        throw sweep_error{at, name + ": " + where + ": leaves " + words};
    }
    return struck;
}

std::size_t sweep(const std::string& name, const scenario_function& scenario, const sweep_options& options,
                  disturbance::kind kind, const char* unit, const char* done)
{
    std::size_t steps = 0;
    while (struck_at(steps + 1, name, scenario, options, kind))
        if (++steps > options.max_steps)
            throw sweep_error{steps, name + ": more than " + std::to_string(options.max_steps) + " steps"};
    if (options.print)
        std::printf("%s: %zu %s, each %s in turn, nothing left\n", name.c_str(), steps, unit, done);
    return steps;
}

} // namespace

std::size_t fail_each_step(const std::string& name, const scenario_function& scenario, const sweep_options& options)
{
    return sweep(name, scenario, options, disturbance::kind::failure, "steps", "failed");
}

std::size_t cancel_each_suspension(const std::string& name, const scenario_function& scenario,
                                   const sweep_options& options)
{
    return sweep(name, scenario, options, disturbance::kind::cancellation, "suspensions", "cancelled");
}

} // namespace hawser::inline v0_1::test
