#include <hawser/test/sweep.hpp>

#include "test_world_inside.hpp"

#include <cstdio>

namespace hawser::test {
namespace {

using hawser::detail::disturbance;

// One run; whether it was struck. Throws sweep_error if it was not as it should be.
bool struck_at(std::size_t step, const std::string& name, const scenario_function& scenario,
               const sweep_options& options, disturbance::kind kind)
{
    disturbance by{kind, step, options.cancellation};
    const auto refuse = [&](const std::string& words) {
        const bool struck = by.has_struck();
        const std::string at =
            struck ? "step " + std::to_string(step) + " (" + by.where() + ')' : std::string{"undisturbed"};
        throw sweep_error{struck ? step : 0, name + ": " + at + ": " + words};
    };
    world run{options.server, by};
    try {
        scenario(run);
    } catch (const system_error&) {
        if (!by.has_struck())
            throw;
    } catch (const std::exception& e) {
        if (!by.has_struck())
            throw;
        refuse(std::string{"throws "} + e.what());
    }
    const bool struck = by.has_struck();
    if (const remains left = run.settle(); !left.none())
        refuse("leaves " + left.to_string());
    return struck;
}

std::size_t sweep(const std::string& name, const scenario_function& scenario, const sweep_options& options,
                  disturbance::kind kind, const char* unit, const char* done)
{
    std::size_t steps = 0;
    while (struck_at(steps + 1, name, scenario, options, kind))
        if (++steps > options.most_steps)
            throw sweep_error{steps, name + ": more than " + std::to_string(options.most_steps) + " steps"};
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

} // namespace hawser::test
