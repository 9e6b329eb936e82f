// SPDX-License-Identifier: BSL-1.0

// The namespace of the test kit, which is inside that of the ABI: what opens hawser::test behind this opens that one.
#ifndef HAWSER_TEST_SUPPORT_KIT_NAMESPACE_HPP
#define HAWSER_TEST_SUPPORT_KIT_NAMESPACE_HPP

#include <hawser/detail/export.hpp>

namespace hawser::inline v0_1::test {}

#endif
