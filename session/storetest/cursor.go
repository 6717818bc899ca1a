package storetest

import (
	"fmt"
	"time"

	"github.com/sessionring/sessionring/session"
)

func testCursor(s suite) {
	seen, start := s.after("")
	expect(s, behind, "After returns what is not there", seen[s.id("1")], 0)
	s.appendTo(s.id("1"), nil, []byte("x"), s.id("1"))
	s.appendTo(s.id("2"), nil, []byte("x"), s.id("2"))
	seen, next := s.after(start)
	s.expectSeen("After", seen, s.id("1"), s.id("2"))
	s.appendTo(s.id("3"), nil, []byte("x"), s.id("3"))
	seen, next = s.after(next)
	s.expectSeen("After the next cursor", seen, s.id("3"))
	_, next = s.after(next)
	s.appendTo(s.id("4"), nil, []byte("x"), s.id("4"))
	seen, _ = s.after(next)
	s.expectSeen("After a cursor that nothing was behind", seen, s.id("4"))
	seen, _ = s.after(start)
	s.expectSeen("After an older cursor", seen, s.id("1"), s.id("2"), s.id("3"), s.id("4"))
	seen, _ = s.after("")
	s.expectSeen("After the start", seen, s.id("1"), s.id("2"), s.id("3"), s.id("4"))
}

// unknownCursors make cursors, out of the newest known one, that no store gave.
var unknownCursors = map[string]func(known string) string{
	"text":     func(string) string { return "no cursor" },
	"SQL":      func(string) string { return "'; DROP TABLE x" },
	"NUL":      func(string) string { return "\x00" },
	"negative": func(string) string { return "-1" },
	"2^63-1":   func(string) string { return "9223372036854775807" },
	"2^64-1":   func(string) string { return "18446744073709551615" },
	"above":    func(string) string { return "99999999999999999999" },
	"dot":      func(string) string { return "a.1" },
	"dash":     func(string) string { return "1-" },
	"slash":    func(string) string { return "a/b-c" },
	"9known":   func(known string) string { return "9" + known },
	"known9":   func(known string) string { return known + "9" },
	"knownx":   func(known string) string { return known + "x" },
}

func testUnknownCursor(s suite) {
	for name, cursor := range unknownCursors {
		s.appendTo(s.id(name), nil, []byte("x"), s.id(name))
		_, known := s.after("")
		seen, next := s.after(cursor(known))
		s.expectSeenOf(unknown, "After the unknown cursor "+name, seen, s.id(name))
		s.appendTo(s.id(name+"2"), nil, []byte("x"), s.id(name+"2"))
		seen, _ = s.after(next)
		s.expectSeen("After the cursor that came from the unknown "+name, seen, s.id(name+"2"))
	}
}

// testEntryExpiry waits for an entry to expire, as untilGone does for a record.
func testEntryExpiry(s suite) {
	feed, expires := s.store.(session.Feed), s.now().Add(shortly)
	for name, at := range map[string]time.Time{"soon": expires, "past": expires.Add(-time.Hour), "late": expires.Add(time.Hour)} {
		ok, err := feed.SwapAppend(s.Context(), s.id(name), nil, []byte("x"), "", "", time.Time{}, []byte(s.id(name)), at)
		s.must("SwapAppend", err)
		expect(s, appending, "SwapAppend", ok, true)
	}
	s.until("entry expires", func() bool {
		before := s.now()
		seen, _ := s.after("")
		after := s.now()
		expect(s, behind, "After returns what had expired when it was appended", seen[s.id("past")], 0)
		s.expectSeen("After", seen, s.id("late"))
		if after.Before(expires.Add(-fine)) {
			s.expectSeen("After, before the expiry", seen, s.id("soon"))
		}
		gone := before.After(expires.Add(fine))
		expect(s, behind, "After returns what has expired", gone && seen[s.id("soon")] > 0, false)
		return gone
	})
}

func testEntryData(s suite) {
	every := make([]byte, 256)
	for i := range every {
		every[i] = byte(i)
	}
	for i, entry := range []string{"\x00a\x00", string(every), "\xff\xfe", s.id("日本")} {
		s.appendTo(s.id(fmt.Sprint(i)), nil, []byte("x"), entry+s.prefix)
		seen, _ := s.after("")
		s.expectSeen("After", seen, entry+s.prefix)
	}
}
