package look

import (
	"math"
	"slices"
	"strings"
	"time"
)

// shape judges whether a table is groups or records. A table passes only on
// positive evidence: a heading that says what is counted or measured, and rows
// whose labels differ.
func (r *Report) shape(f File, s shape) {
	n := len(s.rows)
	if n == 0 || len(s.cols) == 0 {
		return
	}
	place := s.table.Where(s.at, 0)
	key, persons, stats, statCols := -1, 0, 0, 0
	for j := range s.cols {
		c := &s.cols[j]
		if keyHead(c.words) && n > 0 {
			r.Add(f, "row-key", s.table.Where(max(s.at-1, 0), j), "column", Itoa(j+1))
			key = j
		}
		if c.keyValues(n) {
			key = j
			if len(s.cols) > 1 || n >= 20 {
				r.Add(f, "row-key", s.table.Where(s.at, j), "column", Itoa(j+1), "rows", Itoa(n))
			}
		}
		if c.names >= 3 && c.names*10 >= c.values*6 {
			r.Add(f, "identifier-name", s.table.Where(s.at, j), "column", Itoa(j+1), "values", Itoa(c.names))
		}
		span := c.lastDay.Sub(c.firstDay)
		if c.fullDates > 0 && (has(c.words, "dob", "birth", "born", "birthdate", "dateofbirth", "birthday", "dod", "death") && !has(c.words, "week", "month") ||
			c.fullDates >= 3 && span > 25*365*24*time.Hour && c.fullDates*10 >= c.values*8 && len(c.distinct)*10 >= c.values*7 && c.firstDay.Year() < 2010) {
			r.Add(f, "identifier-birth-date", s.table.Where(s.at, j), "column", Itoa(j+1), "dates", Itoa(c.fullDates))
		}
		if personal(c.words) || c.fullDates*10 >= n*8 && n >= 8 && len(c.distinct)*2 > n && c.irregular(s, j) {
			persons++
		}
		if statHead(c.words, c.head) {
			stats++
			if c.numbers*10 >= c.values*6 {
				statCols++
			}
		}
		if c.long >= 5 && c.long*2 > c.numbers {
			r.Add(f, "number-low-digits", s.table.Where(s.at, j), "column", Itoa(j+1), "numbers", Itoa(c.long))
		}
	}
	if n < 5 {
		return
	}
	distinct, labels := s.labels()
	repeated := n - distinct
	evidence := []string{"rows", Itoa(n), "distinct_labels", Itoa(distinct)}
	switch {
	case r.Has("row-key") && key >= 0:
	case persons >= 2 && stats == 0 && n >= 8, persons >= 3 && n >= 8 && statCols < len(s.cols)/2:
		r.Add(f, "row-level", place, evidence...)
	case stats == 0 && labels > 0 && repeated*5 >= n && n >= 10:
		r.Add(f, "row-level", place, evidence...)
	case stats == 0 && n >= 50 && len(s.cols) >= 3 && !s.grid():
		r.Add(f, "row-level", place, evidence...)
	case stats == 0 && !s.grid(), persons >= 1 && repeated*5 >= n, repeated*2 >= n && labels > 0, n > 200, labels == 0 && n >= 10:
		r.Add(f, "row-level-maybe", place, evidence...)
	}
	if n >= 24 && !r.Has("row-level") && s.scrambled() {
		r.Add(f, "row-order", place, "rows", Itoa(n))
	}
}

func has(ws []string, any ...string) bool {
	for _, w := range ws {
		if slices.Contains(any, w) {
			return true
		}
	}
	return false
}

// keyHead knows the names that keys of people and records go by.
func keyHead(ws []string) bool {
	switch j := strings.Join(ws, ""); j {
	case "person", "personid", "patientid", "pid", "patid", "nhsnumber", "nhsno", "nhs", "pseudonym", "pseudoid", "pseudonhsnumber", "recordkey", "personkey", "recordid", "studyid", "studyno",
		"subjectid", "participantid", "mrn", "hospitalnumber", "hospitalno", "caseid", "episodeid", "encounterid", "spellid", "personrecordkey", "patientkey", "encryptednhsnumber",
		"encryptedhesid", "hesid", "uprn", "chinumber", "memberid", "householdid", "userid", "uuid", "guid", "respondentid", "tokenpersonid", "patientpseudoid", "patientnumber", "patientno",
		"hospno", "unitnumber", "localpatientid", "admissionid", "clientid", "rowid", "pseudonymid", "pseudo", "eavepersonid", "alf", "alfe", "lsn", "nino", "passportnumber":
		return true
	}
	return false
}

// keyValues reports whether a column holds keys: codes of one length or shape,
// each its own, whatever the heading says.
func (c *column) keyValues(n int) bool {
	if c.codes < 5 || c.codes*10 < c.values*9 || len(c.distinct)*10 < c.values*9 {
		return false
	}
	if c.numbers == c.values { // whole numbers of one length can be counts: ask for keys' length
		same := 0
		for _, k := range c.lengths {
			same = max(same, k)
		}
		return c.whole == c.values && same*10 >= c.values*9 && n >= 5 && c.firstLength() >= 8
	}
	if c.fullDates*2 > c.values || areaCodes(c.distinct) || periods(c.distinct) {
		return false
	}
	same := 0
	for _, k := range c.lengths {
		same = max(same, k)
	}
	return same*10 >= c.values*8
}

func (c *column) firstLength() int {
	for l := range c.lengths {
		return l
	}
	return 0
}

// areaCodes reports whether values are codes of places or diseases that tables
// are cut by: E06000001, E12000007, RJ1…
func areaCodes(values map[string]int) bool {
	kinds := map[string]bool{}
	for v := range values {
		if len(v) == 9 {
			kinds[v[:3]] = true
		}
		if len(v) != 9 || strings.IndexByte("EWSNKJ", v[0]) < 0 || strings.Trim(v[1:], "0123456789") != "" {
			return false
		}
	}
	return len(kinds) <= 4+len(values)/10 // a table's areas are of a few levels
}

// periods reports whether values are years, quarters, months or bands.
func periods(values map[string]int) bool {
	for v := range values {
		d := 0
		for d < len(v) && digit(v[d]) {
			d++
		}
		band := strings.Count(v, "-") == 1 && strings.Trim(v, "0123456789-") == "" && len(v) <= 9
		year := d == 4 && v[:2] >= "18" && v[:2] <= "21"
		if !band && !year && !strings.HasPrefix(v, "FY") {
			return false
		}
	}
	return true
}

// personal knows headings of what one person has, not a group.
func personal(ws []string) bool {
	if has(ws, "group", "band", "category", "mean", "median", "n", "count", "rate", "pct", "percent", "number", "proportion", "sd", "decile", "quintile", "total") {
		return false
	}
	switch strings.Join(ws, "") {
	case "age", "sex", "gender", "dob", "dateofbirth", "birthdate", "postcode", "address", "surname", "forename", "firstname", "lastname", "givenname", "familyname", "name", "fullname",
		"nhsnumber", "admissiondate", "dischargedate", "dateofdeath", "eventdate", "diagnosis", "diagcode", "icd10", "snomed", "ethnicity", "bmi", "height", "weight", "sbp", "dbp", "smoker", "smoking",
		"phone", "email", "lsoa", "patient", "gp", "gppractice", "hba1c", "systolic", "diastolic", "died", "dead", "ageatadmission", "ageyears", "maritalstatus", "occupation", "yearofbirth", "birthyear":
		return true
	}
	return false
}

// statHead knows headings of what groups have.
func statHead(ws []string, head string) bool {
	if has(ws, "n", "count", "counts", "freq", "frequency", "mean", "avg", "average", "median", "sd", "std", "se", "stderr", "iqr", "pct", "percent", "percentage", "proportion", "prop", "rate", "rates",
		"ratio", "coef", "coefficient", "estimate", "beta", "ci", "lower", "upper", "pvalue", "p", "pr", "total", "totals", "number", "num", "sum", "min", "max", "quartile", "percentile", "odds", "hazard", "hr", "or", "rr",
		"statistic", "stat", "z", "t", "chi", "auc", "precision", "recall", "f", "accuracy", "sensitivity", "specificity", "importance", "patients", "people", "persons", "participants", "admissions", "deaths", "events",
		"cases", "episodes", "attendances", "appointments", "survival", "surv", "loss", "score", "rmse", "mae", "r", "aic", "bic", "df", "variance", "var", "q", "support", "prevalence", "incidence", "population", "share",
		"cost", "density", "effect", "conf", "low", "high", "error", "weight", "value", "figure", "males", "females", "male", "female", "men", "women", "all", "risk", "nevent", "time", "test", "train", "cohort", "records", "observations", "obs") {
		return true
	}
	return strings.ContainsAny(head, "%£") || strings.HasPrefix(strings.ToLower(head), "no.")
}

// labels counts the distinct combinations of labels, and the label columns.
func (s shape) labels() (distinct, columns int) {
	var at []int
	for j := range s.cols {
		c := &s.cols[j]
		if c.numbers*2 < c.values || periods(c.distinct) && c.values > 0 || has(c.words, "year", "age", "band", "decile", "quintile", "group", "month", "week", "quarter") {
			at = append(at, j)
		}
	}
	seen := map[string]bool{}
	for _, row := range s.rows {
		var b strings.Builder
		for _, j := range at {
			if j < len(row) {
				b.WriteString(row[j])
			}
			b.WriteByte(0x1f)
		}
		seen[b.String()] = true
	}
	return len(seen), len(at)
}

// grid reports whether the table looks like a cross-tabulation: one or two
// label columns whose rows differ, then numbers throughout, under headings
// that are categories.
func (s shape) grid() bool {
	numbers, labels := 0, 0
	for j := range s.cols {
		c := &s.cols[j]
		switch {
		case c.values == 0:
		case c.numbers*10 >= c.values*6:
			numbers++
			if personal(c.words) {
				return false
			}
		default:
			labels++
		}
	}
	distinct, _ := s.labels()
	return numbers >= 1 && labels <= 2 && distinct*10 >= len(s.rows)*9 && len(s.rows) < 100
}

// irregular reports whether dates keep no calendar step: not all first of a
// month, not a week apart.
func (c *column) irregular(s shape, j int) bool {
	first, week := true, true
	var prev time.Time
	for _, row := range s.rows {
		if j >= len(row) {
			continue
		}
		d, ok := Day(strings.TrimSpace(row[j]))
		if !ok {
			continue
		}
		first = first && d.Day() == 1
		if !prev.IsZero() {
			gap := math.Abs(d.Sub(prev).Hours())
			week = week && (math.Mod(gap, 168) == 0 || gap == 24)
		}
		prev = d
	}
	return !first && !week
}

// scrambled reports whether no column is in order, though one could be.
func (s shape) scrambled() bool {
	for j := range s.cols {
		c := &s.cols[j]
		if c.values > 0 && (c.sorted || c.falling) {
			return false
		}
	}
	// Blocks: the first label repeats in runs.
	runs, prev := 0, "\x00"
	for _, row := range s.rows {
		if len(row) > 0 && row[0] != prev {
			runs++
			prev = row[0]
		}
	}
	if len(s.cols) > 0 && runs == len(s.cols[0].distinct) && runs < len(s.rows) {
		return false
	}
	return true
}
