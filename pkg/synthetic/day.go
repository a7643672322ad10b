package synthetic

import "time"

// day counts days since 1970-01-01; the zero day means never.
type day int32

func dayOf(y int, m time.Month, d int) day {
	return day(time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Unix() / 86400)
}

func (d day) time() time.Time { return time.Unix(int64(d)*86400, 0).UTC() }

// String is the ISO date, empty for never.
func (d day) String() string {
	if d == 0 {
		return ""
	}
	return d.time().Format("2006-01-02")
}

// ever moves the first day of 1970, which stands for never, by one.
func ever(d day) day {
	if d == 0 {
		return 1
	}
	return d
}

func (d day) year() int { return d.time().Year() }

// ageAt is the age in whole years on day at of someone born on d.
func (d day) ageAt(at day) int { return int(float64(at-d) / 365.25) }

func (d day) weekday() time.Weekday { return d.time().Weekday() }

// The span the feeds cover, and the day the first delivery was cut.
var (
	spanFrom = dayOf(2019, 1, 1)
	spanTo   = dayOf(2024, 12, 31)
	firstCut = dayOf(2024, 9, 30)
)

// years are the first days of the span's years.
func years() []day {
	var out []day
	for y := spanFrom.year(); y <= spanTo.year(); y++ {
		out = append(out, dayOf(y, 1, 1))
	}
	return out
}
