package portal

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// bytesText writes a size for people.
func bytesText(n int64) string {
	switch {
	case n < 1000:
		return fmt.Sprintf("%d bytes", n)
	case n < 1_000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1_000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	default:
		return fmt.Sprintf("%.1f GB", float64(n)/1e9)
	}
}

// number writes a count with thousands apart.
func number[T ~int | ~int64 | ~uint64](n T) string {
	s := strconv.FormatInt(int64(n), 10)
	sign := ""
	if strings.HasPrefix(s, "-") {
		sign, s = "−", s[1:]
	}
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return sign + s
}

// when writes a time as "21 Nov 2026, 14:05".
func when(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2 Jan 2006, 15:04")
}

// day writes a date as "21 Nov 2026".
func day(t time.Time) string {
	if t.IsZero() {
		return "–"
	}
	return t.UTC().Format("2 Jan 2006")
}

// wait writes how long something has taken or will take, in days and hours.
func wait(d time.Duration) string {
	if d < 0 {
		d = 0
	}
	plural := func(n int, what string) string {
		if n == 1 {
			return "1 " + what
		}
		return fmt.Sprintf("%d %ss", n, what)
	}
	switch {
	case d < time.Minute:
		return "less than a minute"
	case d < time.Hour:
		return plural(int(d.Minutes()), "minute")
	case d < 24*time.Hour:
		return plural(int(d.Hours()), "hour")
	default:
		days, hours := int(d.Hours())/24, int(d.Hours())%24
		if hours == 0 || days > 6 {
			return plural(days, "day")
		}
		return plural(days, "day") + " " + plural(hours, "hour")
	}
}

// since writes "since 21 Nov 2026, 14:05 (2 days 3 hours)".
func since(t, now time.Time) string {
	if t.IsZero() {
		return ""
	}
	return "since " + when(t) + " (" + wait(now.Sub(t)) + ")"
}

// seconds writes a duration for the latency table.
func seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	if d < 10*time.Minute {
		return fmt.Sprintf("%.0f s", d.Seconds())
	}
	return wait(d)
}

// count writes "1 file", "3 files", "no files".
func count(n int, one string) string {
	switch n {
	case 0:
		return "no " + one + "s"
	case 1:
		return "1 " + one
	default:
		return number(n) + " " + one + "s"
	}
}

// capital gives s an upper-case first letter.
func capital(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// title turns "changes-requested" into "Changes requested".
func title(s string) string { return capital(strings.ReplaceAll(s, "-", " ")) }
