// SPDX-License-Identifier: BSL-1.0

// What a function throws, in words that a test can compare.
#ifndef HAWSER_TEST_THROWN_HPP
#define HAWSER_TEST_THROWN_HPP

#include "kit_namespace.hpp"

#include <hawser/error.hpp>

#include <exception>
#include <string>

namespace hawser::test {

/// The words of what it throws, behind the symbol of its code if it has one; "nothing".
template <class Function>
std::string thrown_by(Function f)
{
    try {
        f();
    } catch (const system_error& e) {
        return symbol(e.code()) + ": " + e.what();
    } catch (const std::exception& e) {
        return e.what();
    }
    return "nothing";
}

} // namespace hawser::test

#endif
