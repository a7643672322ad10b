package sheet

import (
	"regexp"
	"strings"

	"github.com/ark-tre/ark/airlock/inspect/look"
)

// what to think of a part of an XLSX workbook, the first line that fits.
// An empty rule is a part that is read or may be dropped without a word.
var xlsxParts = []struct {
	shape *regexp.Regexp
	rule  string
}{
	{regexp.MustCompile(`^\[Content_Types\]\.xml$|^_rels/\.rels$|^docProps/(app|core|custom)\.xml$`), ""},
	{regexp.MustCompile(`^xl/(workbook|styles|sharedStrings|calcChain|metadata)\.xml$|^xl/_rels/workbook\.xml\.rels$`), ""},
	{regexp.MustCompile(`^xl/worksheets/(_rels/)?[A-Za-z]+\d*\.xml(\.rels)?$`), ""},
	{regexp.MustCompile(`^xl/theme/(_rels/)?theme\d+\.xml(\.rels)?$`), ""},
	{regexp.MustCompile(`^xl/tables/table\d+\.xml$`), ""},
	{regexp.MustCompile(`(?i)vbaProject|vbaData|activeX|ctrlProps|macrosheets|dialogsheets|customUI|webextension|taskpanes|userCustomization`), "sheet-active"},
	{regexp.MustCompile(`(?i)pivot|slicer|timeline|^xl/model/|xl/queryTables`), "sheet-cache"},
	{regexp.MustCompile(`(?i)externalLinks?/|connections\.xml|xmlMaps|volatileDependencies|richData/.*WebImage`), "sheet-connection"},
	{regexp.MustCompile(`(?i)comments?\d*\.xml|threadedComments|persons/|vmlDrawing`), "sheet-comment"},
	{regexp.MustCompile(`(?i)embeddings/|oleObject|package\d*\.bin`), "sheet-embedded"},
	{regexp.MustCompile(`(?i)revisions?/|revisionLog|userNames|xl/versions`), "sheet-history"},
	{regexp.MustCompile(`^xl/(drawings|charts|media|chartsheets)/`), "sheet-picture"},
	{regexp.MustCompile(`^xl/printerSettings/printerSettings\d+\.bin$|^docProps/thumbnail\.(jpe?g|png|emf|wmf)$`), "sheet-properties"},
}

// partRule is what to think of a part; a part that is not listed is unknown.
func partRule(name string) string {
	for _, p := range xlsxParts {
		if p.shape.MatchString(name) {
			return p.rule
		}
	}
	return "sheet-part-unknown"
}

// judgeParts adds what the presence of parts means.
func judgeParts(r *look.Report, f look.File, parts []part) {
	for _, p := range parts {
		if rule := partRule(p.Name); rule != "" {
			r.Add(f, rule, look.Nowhere, "part", partName(p.Name))
		}
	}
}

// partName names a part in evidence by the folders it lies in: its own name is
// content.
func partName(n string) string {
	if i := strings.LastIndexByte(n, '/'); i >= 0 {
		return n[:i+1]
	}
	return n
}
