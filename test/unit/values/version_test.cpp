// SPDX-License-Identifier: BSL-1.0

// The version: one number, however it is asked for.
#include <hawser/version.hpp>

#include <hawser/framing.hpp>

#define BOOST_TEST_MODULE version
#include <boost/test/unit_test.hpp>

#include <boost/core/demangle.hpp>

#include <string>
#include <typeinfo>

BOOST_AUTO_TEST_CASE(the_macros_agree_with_each_other)
{
    BOOST_TEST(HAWSER_VERSION_STRING == std::to_string(HAWSER_VERSION_MAJOR) + '.' +
                                            std::to_string(HAWSER_VERSION_MINOR) + '.' +
                                            std::to_string(HAWSER_VERSION_PATCH));
    BOOST_TEST(HAWSER_VERSION / 10000 == HAWSER_VERSION_MAJOR);
    BOOST_TEST(HAWSER_VERSION / 100 % 100 == HAWSER_VERSION_MINOR);
    BOOST_TEST(HAWSER_VERSION % 100 == HAWSER_VERSION_PATCH);
}

BOOST_AUTO_TEST_CASE(the_library_that_is_linked_is_of_these_headers)
{
    BOOST_TEST(hawser::version() == HAWSER_VERSION);
}

BOOST_AUTO_TEST_CASE(symbols_name_the_version_whose_abi_they_have)
{
    const std::string abi =
        "hawser::v" + std::to_string(HAWSER_VERSION_MAJOR) + '_' + std::to_string(HAWSER_VERSION_MINOR);
    BOOST_TEST(boost::core::demangle(typeid(hawser::framing).name()) == abi + "::framing");
}

// The package, its shared library and its pkg-config files have the version that CMake knows.
BOOST_AUTO_TEST_CASE(the_build_has_the_version_of_the_headers)
{
    BOOST_TEST(HAWSER_VERSION_STRING == std::string{HAWSER_TEST_PROJECT_VERSION});
}
