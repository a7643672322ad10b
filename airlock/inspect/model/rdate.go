package model

import "time"

// rDate writes a day of R or Stata, counted from 1970, as a date.
func rDate(days float64) string {
	if days != days || days < -60000 || days > 60000 {
		return ""
	}
	return time.Date(1970, 1, 1, 0, 0, 0, 0, time.UTC).AddDate(0, 0, int(days)).Format("2006-01-02")
}
