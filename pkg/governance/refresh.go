package governance

import (
	"time"

	"github.com/ark-tre/ark/pkg/ark"
)

// Schedules of a permit: how often its extract may be cut again from newer
// versions. The zero schedule is never.
const (
	RefreshNever     = ""
	RefreshEach      = "each"
	RefreshWeekly    = "weekly"
	RefreshMonthly   = "monthly"
	RefreshQuarterly = "quarterly"
)

const day = 24 * time.Hour

// Schedules lists the schedules, the rarest first, with their words.
func Schedules() [][2]string {
	return [][2]string{
		{RefreshNever, "never: one version, for as long as the project runs"},
		{RefreshQuarterly, "at most once a quarter"},
		{RefreshMonthly, "at most once a month"},
		{RefreshWeekly, "at most once a week"},
		{RefreshEach, "from each new version"},
	}
}

// ScheduleWords says what a schedule allows.
func ScheduleWords(schedule string) string {
	for _, s := range Schedules() {
		if s[0] == schedule {
			return s[1]
		}
	}
	return "unknown"
}

// RefreshAfter is the time that has to pass between two cuts; ok is false where
// the permit lets no newer version be taken.
func (p Permit) RefreshAfter() (wait time.Duration, ok bool) {
	switch p.Refresh {
	case RefreshEach:
		return 0, true
	case RefreshWeekly:
		return 7 * day, true
	case RefreshMonthly:
		return 30 * day, true
	case RefreshQuarterly:
		return 91 * day, true
	}
	return 0, false
}

func checkSchedule(schedule string) error {
	if ScheduleWords(schedule) == "unknown" {
		return ark.Faultf(ark.Invalid, "there is no such schedule of refreshing").At("", 0, "refresh").Do("use each, weekly, monthly or quarterly, or leave it empty")
	}
	return nil
}
