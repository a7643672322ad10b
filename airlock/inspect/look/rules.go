package look

import (
	"cmp"
	"slices"

	"github.com/ark-tre/ark/airlock/disclosure"
)

// Rule is one thing inspection looks for. The list is closed: every finding of
// ark-inspect carries one of these ids.
type Rule struct {
	ID       string
	Severity disclosure.Severity
	Says     string
	Repair   string
}

// Rules lists every rule, by id.
func Rules() []Rule {
	var out []Rule
	for _, r := range rules {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b Rule) int { return cmp.Compare(a.ID, b.ID) })
	return out
}

// index makes the lookup of a list.
func index(lists ...[]Rule) map[string]Rule {
	m := map[string]Rule{}
	for _, l := range lists {
		for _, r := range l {
			m[r.ID] = r
		}
	}
	return m
}

const (
	fail   = disclosure.SevFail
	review = disclosure.SevReview
	info   = disclosure.SevInfo
)

var rules = index(fileRules, valueRules, tableRules, sheetRules, pictureRules, pageRules, codeRules, modelRules, packRules)

var fileRules = []Rule{
	{"file-crashed", fail, "the file makes its reader crash", "save it again with an ordinary program"},
	{"file-empty", fail, "the file is empty", "leave it out"},
	{"file-encrypted", fail, "the file is encrypted", "save it without a password"},
	{"file-link", fail, "this is a link or a special file, not a file", "put the file itself in its place"},
	{"file-malware", fail, "the malware scanner knows this file", "tell the operator; don't open it"},
	{"file-not-rebuilt", fail, "no clean file can be made of files of this kind, so the submitted bytes would leave", "put the result into a table or a picture"},
	{"file-name-control", fail, "the file's name holds invisible, direction-changing or control characters", "rename it with plain letters, digits, - and _"},
	{"file-name-encoded", fail, "the file's name looks like encoded data", "rename it in words"},
	{"file-name-hidden", fail, "the file's name makes it a hidden or system file", "leave it out, or rename it"},
	{"file-name-identifier", fail, "the file's name holds an identifier", "rename it; the name is content too"},
	{"file-name-long", fail, "the file's name is longer than a name people read", "shorten it to 100 characters"},
	{"file-name-path", fail, "the file's name leads out of its folder", "rename it"},
	{"file-old-form", fail, "this is an older form of the type, which is not read", "save it in a newer form (Stata 13 or later), or as CSV"},
	{"file-scanner-absent", fail, "the malware scanner that is configured does not answer", "tell the operator; nothing leaves until it does"},
	{"file-slow", fail, "reading the file takes longer than it may", "make it smaller and simpler"},
	{"file-too-large", fail, "the file is larger than 16 MiB", "release what is needed, not everything"},
	{"file-type-double", fail, "the file's name has a second ending that hides what it is", "rename it with one ending"},
	{"file-type-not-allowed", fail, "files of this type cannot leave", "put the result into a CSV table or a PNG picture"},
	{"file-type-mismatch", fail, "the content is not what the file's name says", "save it again in the type its name says"},
	{"file-two-types", fail, "the file can be read as two types at once", "save it again with an ordinary program"},
	{"file-unknown", fail, "what this file is cannot be told", "use a type on the list, saved by an ordinary program"},
	{"file-unreadable", fail, "the file is damaged, or not of its type", "save it again"},
	{"file-version-control", fail, "this is part of a version-control folder, whose history holds data", "leave .git and its like out"},
}

var valueRules = []Rule{
	{"identifier-birth-date", fail, "full dates of birth are shown", "release years of birth or age bands"},
	{"identifier-contact", fail, "an e-mail address, telephone or insurance number is shown", "remove it"},
	{"identifier-contact-maybe", review, "an e-mail address or telephone number stands in the text", "remove it, or say whose it is"},
	{"identifier-encoded", fail, "an identifier stands here in another encoding", "remove it"},
	{"identifier-known", fail, "a value known to belong to a person or record of the project is shown", "remove it; release aggregates, never records"},
	{"identifier-name", fail, "names of people are shown", "remove them"},
	{"identifier-nhs-number", fail, "an NHS number is shown", "remove it"},
	{"identifier-nhs-number-maybe", review, "ten digits pass the check of an NHS number, perhaps by chance", "say what the numbers are, or show fewer digits"},
	{"identifier-postcode", fail, "full postcodes are shown", "release districts or larger areas"},
	{"identifier-postcode-maybe", review, "something written like a full postcode is shown", "say what it is, or release larger areas"},
	{"identifier-pseudonym", fail, "a pseudonym is shown", "remove it; release aggregates, never records"},
	{"text-bidirectional", fail, "characters change the direction of the text, so that it reads other than it is", "type the text again"},
	{"text-control", fail, "the text holds control characters", "save it as plain UTF-8 text"},
	{"text-encoded", fail, "a long random-looking word can carry data", "use words"},
	{"text-encoded-maybe", review, "a random-looking word can carry data", "use words, or say what it is"},
	{"text-homoglyph", fail, "letters of different alphabets stand in one word, so that it is not what it looks like", "type the word again"},
	{"text-invisible", fail, "the text holds invisible characters", "type the text again"},
	{"text-rows", fail, "the text lists rows of data", "show summaries, never rows"},
	{"text-rows-maybe", review, "the text holds lines that look like a table", "put tables into CSV files"},
	{"text-spaces", fail, "spaces or tabs at line ends vary as if they carried data", "remove spaces at line ends"},
	{"text-too-long", fail, "the text is longer than a person reads", "release what is needed, not everything"},
	{"text-needs-eyes", review, "what a text says cannot be checked by rules", "keep it short"},
}

var tableRules = []Rule{
	{"row-key", fail, "a column is headed as, or holds, the key of a person or record", "release aggregates, never records"},
	{"row-level", fail, "rows look like records of people, not like groups", "release counts or other aggregates by group"},
	{"row-level-maybe", review, "whether rows are groups or records cannot be told", "head the columns with what they show: n, mean, percent"},
	{"row-order", review, "rows stand in no order that people read by; an order can carry data", "sort the rows by their labels"},
	{"number-low-digits", review, "numbers have more digits than the data can support; low digits can carry data", "round to three or four significant digits"},
	{"table-formula", fail, "a cell begins like a formula, which runs where it is opened", "put a letter or a space before it"},
	{"table-ragged", review, "lines have different numbers of fields", "save the table again"},
	{"table-too-long", fail, "the table has more rows or columns than the profile allows", "release aggregates"},
	{"table-unreadable", fail, "the file cannot be read as a table", "save it as UTF-8 CSV with one heading row"},
}

var sheetRules = []Rule{
	{"sheet-active", fail, "the workbook holds macros, controls or other active content", "save it as a workbook without macros"},
	{"sheet-cache", fail, "the workbook holds a pivot cache: the records behind a table", "copy the values to a new workbook"},
	{"sheet-chart-data", fail, "a chart keeps data that no visible cell shows", "paste the chart as a picture"},
	{"sheet-comment", fail, "the workbook holds comments or notes", "remove them"},
	{"sheet-connection", fail, "the workbook refers to data outside", "break the links and paste values"},
	{"sheet-embedded", fail, "a file is embedded in the workbook", "remove it"},
	{"sheet-far", fail, "cells lie far from the table people see", "delete everything around the table"},
	{"sheet-formula", review, "cells hold formulas; their values were kept and the formulas removed", "paste values"},
	{"sheet-formula-outside", fail, "a formula reaches outside the workbook or can run a program", "paste values"},
	{"sheet-hidden", fail, "a sheet is hidden", "delete it"},
	{"sheet-hidden-cells", fail, "rows, columns or cells are hidden", "delete them"},
	{"sheet-history", fail, "the workbook keeps earlier versions or who changed what", "copy the values to a new workbook"},
	{"sheet-invisible-text", fail, "cells have text in the colour of their background, or a format that shows nothing", "delete them"},
	{"sheet-name-hidden", fail, "a defined name is hidden, or holds data of its own", "delete it in the name manager"},
	{"sheet-link", review, "the workbook holds links to pages outside, which were removed", "write addresses as text"},
	{"sheet-name", review, "the workbook has defined names, which were removed", "delete them in the name manager"},
	{"sheet-part-unknown", fail, "the workbook has a part that is not understood", "copy the values to a new workbook"},
	{"sheet-picture", review, "the workbook holds pictures or charts, which were removed", "release them as files of their own"},
	{"sheet-properties", info, "properties of the document were removed", ""},
	{"sheet-properties-data", fail, "properties of the document hold more than an author and a title", "remove them: File, Inspect"},
	{"sheet-unused-text", fail, "the workbook keeps texts that no cell shows", "copy the values to a new workbook"},
	{"sheet-validation", fail, "a list of allowed values holds data of its own", "remove data validation"},
}

var pictureRules = []Rule{
	{"picture-active", fail, "the picture holds a script or other active content", "export it again without"},
	{"picture-frames", fail, "the picture holds several frames or thumbnails", "save one picture"},
	{"picture-hidden-data", fail, "there is data before, between or after the parts of the picture", "save the picture again"},
	{"picture-hidden-elements", fail, "the picture holds elements that nobody sees", "export it again without them"},
	{"picture-low-bits", fail, "the lowest bits of the picture vary as if they carried data", "export the plot again"},
	{"picture-metadata", info, "metadata of the picture was removed", ""},
	{"picture-metadata-data", fail, "the picture's metadata holds more than the program and the date", "save the picture without metadata"},
	{"picture-needs-eyes", review, "a picture's numbers cannot be checked by rules", "add the table behind it as a supporting file"},
	{"picture-outside", fail, "the picture refers to something outside itself", "export it again with everything inside"},
	{"picture-palette", fail, "the palette holds colours that no pixel shows, or many nearly equal ones", "save the picture in true colour"},
	{"picture-points", fail, "each point of the plot gives exact coordinates, as many as records", "export it as PNG, or plot a summary"},
	{"picture-points-maybe", review, "the plot has many marks; each may be a record", "export it as PNG, or plot a summary"},
	{"picture-text", fail, "the picture's source lists texts that look like rows", "plot a summary"},
	{"picture-transparent", review, "transparent pixels hid colours, which were removed", "save the picture on white"},
}

var pageRules = []Rule{
	{"page-active", fail, "the document holds scripts, macros or actions", "save it without"},
	{"page-attachment", fail, "a file is attached to or embedded in the document", "remove it"},
	{"page-changes", fail, "the document holds tracked changes", "accept or reject all changes"},
	{"page-comment", fail, "the document holds comments or notes", "remove them"},
	{"page-data", fail, "the document carries the data behind a chart or widget", "release the picture, and a table"},
	{"page-data-maybe", review, "the document carries figures behind a chart, which were removed", "release the picture, and a table"},
	{"page-form", fail, "the document holds form fields", "print it to a new document"},
	{"page-hidden", fail, "the document holds hidden text, layers or elements", "remove them"},
	{"page-history", fail, "the document keeps earlier versions of itself", "save it as a new document"},
	{"page-metadata", info, "metadata of the document was removed", ""},
	{"page-metadata-data", fail, "the document's metadata holds more than an author and a title", "remove it"},
	{"page-needs-eyes", review, "what a document says cannot be checked by rules", "keep it short"},
	{"page-outside", fail, "the document refers to something outside itself", "put everything inside"},
	{"page-outside-maybe", review, "the document loads a library from outside, which was removed", "put everything inside"},
	{"page-part-unknown", fail, "the document has a part that is not understood", "save it again with an ordinary program"},
	{"page-script-removed", review, "scripts were removed", "release a picture"},
}

var codeRules = []Rule{
	{"code-literals", fail, "the code or JSON holds literals as many as records", "read data from files, never from code"},
	{"code-literals-maybe", review, "the code holds many literals", "read data from files, never from code"},
	{"code-needs-eyes", review, "what code does cannot be checked by rules", "keep it short"},
	{"code-traceback", fail, "an error report shows values", "remove it"},
	{"json-loose-figures", review, "figures stand outside any table, where no rule can judge them", "put them into a list of records, or into a CSV table"},
	{"notebook-attachment", fail, "the notebook holds attachments", "remove them"},
	{"notebook-metadata", fail, "the notebook's metadata holds more than its kernel and language", "save a new notebook"},
	{"notebook-output", fail, "the notebook keeps outputs of its cells", "clear all outputs; release results as files"},
	{"notebook-output-removed", review, "outputs of cells that show no rows were removed", "release results as files"},
	{"notebook-widgets", fail, "the notebook keeps the state of widgets", "clear all outputs"},
}

var modelRules = []Rule{
	{"model-executes", fail, "loading the model runs code that is not a model's", "save the model's parameters as JSON"},
	{"model-extract-record", fail, "numbers beside each other in the model are a record of the extract", "release coefficients as a table"},
	{"model-needs-eyes", review, "whether a model remembers people cannot be checked by rules alone", "say how it was fitted, to how many people"},
	{"model-pure-class", review, "a leaf or a probability puts everyone in one class", "fit with larger leaves, or limit the depth"},
	{"model-small-leaf", fail, "leaves of the model hold fewer records than the threshold", "fit with larger leaves"},
	{"model-stores-records", fail, "the model holds the records it was fitted to", "release coefficients as a table"},
	{"model-too-many-parameters", fail, "the model has as many parameters as it was fitted to records, or more", "fit fewer parameters, or to more records"},
	{"model-unknown", fail, "the model holds something that is not understood", "save coefficients as a table, or in a format on the list"},
}

var packRules = []Rule{
	{"archive-bomb", fail, "the archive unfolds to far more than it is", "release what is needed, not everything"},
	{"archive-comment", fail, "the archive holds comments or extra fields with data", "pack the files again"},
	{"archive-damaged", fail, "the archive's list is not what it holds", "pack the files again"},
	{"archive-deep", fail, "archives are nested deeper than people look", "pack the files in one archive"},
	{"archive-duplicate", fail, "the archive holds one name twice", "pack the files again"},
	{"archive-hidden-data", fail, "there is data before, between or after the members of the archive", "pack the files again"},
	{"archive-link", fail, "the archive holds a link or special file", "pack files only"},
	{"archive-many", fail, "the archive holds more files than people read", "release what is needed"},
	{"archive-other-name", review, "the compressed file has kept another name inside, which was removed", "compress the file under its own name"},
	{"archive-path", fail, "a member's name leads out of the archive", "pack the files again"},
}
