// Package browser tests the example servers, and the cookies of the library, in a real
// Chromium: with third-party cookies allowed, with third-party cookies blocked, and in an
// incognito window. Everything stays on loopback.
//
// Without Chromium the tests are skipped, or fail if REQUIRE_SERVICES=1. Screenshots go
// to the folder that SCREENSHOTS names, if it does.
package browser
