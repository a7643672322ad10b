package kinds

import (
	"bytes"
	"unicode/utf8"

	"github.com/ark-tre/ark/airlock/inspect/delim"
	"github.com/ark-tre/ark/airlock/inspect/model"
	"github.com/ark-tre/ark/airlock/inspect/pack"
	"github.com/ark-tre/ark/airlock/inspect/page"
	"github.com/ark-tre/ark/airlock/inspect/picture"
	"github.com/ark-tre/ark/airlock/inspect/sheet"
)

const office = "application/vnd.openxmlformats-officedocument."

// more adds the kinds of pictures, documents, archives and models.
func more(m map[string]kind) {
	zip := begins("PK\x03\x04")
	folded := begins("\x1f\x8b", "BZh", "\xfd7zXZ\x00")
	m["svg"] = kind{"image/svg+xml", markedUp("<svg"), picture.SVG, nil}
	m["html"] = kind{"text/html", hypertext, page.HTML, nil}
	m["htm"] = kind{"text/html", hypertext, page.HTML, []string{"html"}}
	m["pdf"] = kind{"application/pdf", begins("%PDF-"), page.PDF, nil}
	m["docx"] = kind{office + "wordprocessingml.document", zip, page.Office(office + "wordprocessingml.document"), nil}
	m["pptx"] = kind{office + "presentationml.presentation", zip, page.Office(office + "presentationml.presentation"), nil}
	m["ods"] = kind{"application/vnd.oasis.opendocument.spreadsheet", zip, sheet.ODS, nil}
	m["parquet"] = kind{"application/vnd.apache.parquet", begins("PAR1"), delim.Parquet, nil}
	m["tar"] = kind{"application/x-tar", func(b []byte) bool { return len(b) > 262 && string(b[257:262]) == "ustar" }, pack.TAR, []string{"zip"}}
	m["gz"], m["tgz"] = kind{"application/gzip", begins("\x1f\x8b"), pack.GZIP, []string{"zip"}}, kind{"application/gzip", begins("\x1f\x8b"), pack.GZIP, []string{"zip"}}
	pickled := func(b []byte) bool {
		return len(b) > 2 && !textual(b[:min(len(b), 4096)]) || folded(b) || begins("(", "c", "]", "}")(b)
	}
	for _, e := range []string{"pkl", "pickle", "joblib", "sav"} {
		m[e] = kind{"application/x-python-pickle", pickled, model.Pickle, []string{"pickle", "model"}}
	}
	for _, e := range []string{"rds", "rdata", "rda"} {
		m[e] = kind{"application/x-rds", func(b []byte) bool { return folded(b) || begins("X\n", "RDX")(b) }, model.R, []string{"rds", "model"}}
	}
	m["onnx"] = kind{"application/onnx", func(b []byte) bool { return len(b) > 16 && b[0] == 8 }, model.ONNX, []string{"model"}}
	m["safetensors"] = kind{"application/x-safetensors", func(b []byte) bool { return len(b) > 9 && b[8] == '{' }, model.Safetensors, []string{"model"}}
	m["pmml"] = kind{"application/xml", markedUp("<PMML"), model.PMML, []string{"model"}}
	m["dta"] = kind{"application/x-stata-dta", begins("<stata_dta>"), model.Stata, []string{"model"}}
}

// hypertext: UTF-8 that begins with a mark. Libraries inside pages hold control
// characters.
func hypertext(b []byte) bool {
	t := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
	return bytes.HasPrefix(t, []byte("<")) && utf8.Valid(b) && bytes.IndexByte(b, 0) < 0
}

// markedUp: text that begins with a mark and holds the word early on.
func markedUp(with string) func([]byte) bool {
	return func(b []byte) bool {
		t := bytes.TrimLeft(bytes.TrimPrefix(b, []byte("\ufeff")), " \t\r\n")
		return bytes.HasPrefix(t, []byte("<")) && textual(b) && bytes.Contains(t[:min(len(t), 4096)], []byte(with))
	}
}
