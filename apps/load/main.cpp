// SPDX-License-Identifier: BSL-1.0

// load: load for servers, in a closed loop or an open one, and the judge of their answers. `load --help` has the
// options.
//
// It uses nothing of Hawser, so that it can judge it. generator.hpp is where to start reading.
#include "generator.hpp"
#include "options.hpp"
#include "report.hpp"

#include <cstdio>
#include <exception>

int main(int argc, char** argv)
try {
    const auto options = load::parse(argc, argv);
    load::generator loop{options};
    const auto report = loop.run();
    // While the connections are open: who lets the report wait can count after it what the kernel has of them.
    std::fputs((options.json ? as_json(options, report) : as_text(options, report)).c_str(), stdout);
    std::fflush(stdout);
    return report.clean(options) ? 0 : 1;
} catch (const load::usage_error& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 2;
} catch (const std::exception& error) {
    std::fprintf(stderr, "load: %s\n", error.what());
    return 1;
}
