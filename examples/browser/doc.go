// Package browser tests the example servers, the cookies and the monitor in real
// browsers: in Chromium with third-party cookies allowed, with third-party cookies
// blocked, and in an incognito window, and in Firefox ESR with its two ways to keep
// cookies apart. Everything stays on loopback.
//
// Firefox is driven by puppeteer-core: npm install in the folder firefox. Without a
// browser its tests are skipped, or fail if REQUIRE_SERVICES=1. Screenshots go to the
// folder that SCREENSHOTS names, if it does.
package browser
