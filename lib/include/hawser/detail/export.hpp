// SPDX-License-Identifier: BSL-1.0

// What the shared library exports, and the namespace that its symbols stand in. It is compiled with everything hidden;
// what users call or catch says otherwise.
#ifndef HAWSER_DETAIL_EXPORT_HPP
#define HAWSER_DETAIL_EXPORT_HPP

#if defined(__GNUC__)
/// Public: a class with functions that are compiled, one that is thrown or derived from, or a function.
#define HAWSER_EXPORT __attribute__((visibility("default")))
/// Exported without being public: an inline function of a public header, or another of Hawser's libraries, calls it.
/// Each stands in test/consumer/exported.txt with the reason.
#define HAWSER_EXPORT_DETAIL __attribute__((visibility("default")))
/// Of a public class, and yet nobody's business.
#define HAWSER_HIDDEN __attribute__((visibility("hidden")))
#else
#define HAWSER_EXPORT
#define HAWSER_EXPORT_DETAIL
#define HAWSER_HIDDEN
#endif

// Everything of Hawser's stands in an inline namespace whose name changes with the ABI, so that what was compiled with
// the headers of one does not link with the library of another. Users leave it out: they write hawser::connection, and
// include its header rather than declare it themselves.
namespace hawser::inline v0_1 {}

#endif
