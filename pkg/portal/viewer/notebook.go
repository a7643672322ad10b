package viewer

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"html/template"
	"image"
	_ "image/jpeg" // a notebook's picture may be one
	"image/png"
	"slices"
	"strings"
	"unicode/utf8"
)

// How much of a notebook is drawn.
const (
	maxCells      = 500
	maxPictures   = 30
	maxPixels     = 6 << 20  // of one picture
	maxAllPixels  = 40 << 20 // of all together
	maxOutputText = 64 << 10
	maxBookText   = 2 << 20
)

// bookCell is a cell of a notebook, in the order of the file.
type bookCell struct {
	Number  int
	Kind    string
	Run     string
	Marks   []Mark
	Worst   string
	Lines   []line
	Outputs []bookOutput
	Note    string
}

// bookOutput is what a cell put out: a text, or a picture drawn again.
type bookOutput struct {
	Kind    string
	Text    string
	Picture template.URL
	Note    string
}

func isNotebook(name string) bool { return strings.HasSuffix(strings.ToLower(name), ".ipynb") }

// written is a text that a notebook writes as one string or as many.
type written string

// UnmarshalJSON reads either writing.
func (w *written) UnmarshalJSON(b []byte) error {
	var many []string
	if json.Unmarshal(b, &many) == nil {
		*w = written(strings.Join(many, ""))
		return nil
	}
	return json.Unmarshal(b, (*string)(w))
}

type rawOutput struct {
	Kind      string                     `json:"output_type"`
	Name      string                     `json:"name"`
	Text      written                    `json:"text"`
	Data      map[string]json.RawMessage `json:"data"`
	Error     string                     `json:"ename"`
	Value     string                     `json:"evalue"`
	Traceback []string                   `json:"traceback"`
}

// notebook draws a notebook of version 4, cell by cell; false where the bytes
// are none, and they are then drawn as text.
func (p *page) notebook(data []byte, marks []Mark) bool {
	var n struct {
		Format int `json:"nbformat"`
		Cells  []struct {
			Kind        string                     `json:"cell_type"`
			Source      written                    `json:"source"`
			Count       *int                       `json:"execution_count"`
			Outputs     []rawOutput                `json:"outputs"`
			Attachments map[string]json.RawMessage `json:"attachments"`
		} `json:"cells"`
	}
	if !utf8.Valid(data) || json.Unmarshal(data, &n) != nil || n.Format != 4 || n.Cells == nil {
		return false
	}
	d := drawing{pictures: maxPictures, pixels: maxAllPixels, text: maxBookText}
	first := 1 // the number of the cell's first line among those of all cells
	for i, c := range n.Cells {
		if i == maxCells {
			p.Note = fmt.Sprintf("The first %d cells are shown.", maxCells)
			break
		}
		b := bookCell{Number: i + 1, Kind: visible(clip(c.Kind))}
		if c.Count != nil {
			b.Run = fmt.Sprint(*c.Count)
		}
		lines := strings.Split(string(c.Source), "\n")
		at := map[int][]Mark{}
		for _, m := range marks {
			in := m.Line - first + 1
			inside := in >= 1 && in <= len(lines)
			switch {
			case inside && (m.Cell == 0 || m.Cell == b.Number):
				at[in] = append(at[in], m)
			case m.Cell == b.Number:
				b.Marks = append(b.Marks, m)
			}
		}
		b.Worst = worst(b.Marks)
		for k, l := range lines {
			if d.text -= len(l) + 1; d.text < 0 || k == maxLines {
				b.Note = "More of this cell is not shown: the notebook is too long."
				break
			}
			b.Lines = append(b.Lines, line{Number: k + 1, Text: visible(strings.TrimSuffix(l, "\r")), Marks: at[k+1], Worst: worst(at[k+1])})
		}
		first += len(lines)
		for _, o := range c.Outputs {
			b.Outputs = append(b.Outputs, d.output(o)...)
		}
		if len(c.Attachments) > 0 {
			b.Note = strings.TrimSpace(b.Note + fmt.Sprintf(" The cell has %d attachments, which are not shown here.", len(c.Attachments)))
		}
		p.Book = append(p.Book, b)
	}
	return true
}

// drawing is what may still be drawn of a notebook.
type drawing struct{ pictures, pixels, text int }

// output draws one output in each of its forms: what a program would show
// instead of another is all shown.
func (d *drawing) output(o rawOutput) []bookOutput {
	var out []bookOutput
	add := func(kind, text string) { out = append(out, d.words(kind, text)) }
	switch {
	case o.Kind == "error":
		add("Output: error", strings.TrimSpace(o.Error+": "+o.Value+"\n"+strings.Join(o.Traceback, "\n")))
	case o.Text != "":
		add("Output: printed text", string(o.Text))
	}
	kinds := make([]string, 0, len(o.Data))
	for k := range o.Data {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, kind := range kinds {
		var text written
		if json.Unmarshal(o.Data[kind], &text) != nil {
			text = written(o.Data[kind]) // JSON of another shape, as it stands
		}
		switch kind {
		case "image/png", "image/jpeg":
			out = append(out, d.picture(kind, string(text)))
		case "text/plain":
			add("Output: text", string(text))
		default:
			add("Output: "+visible(clip(kind))+", shown as its text only", string(text))
		}
	}
	if len(out) == 0 {
		add("Output: "+visible(clip(o.Kind)), "")
	}
	return out
}

func (d *drawing) words(kind, text string) bookOutput {
	o := bookOutput{Kind: kind}
	if room := min(maxOutputText, max(d.text, 0)); len(text) > room {
		for room > 0 && !utf8.RuneStart(text[room]) {
			room--
		}
		text, o.Note = text[:room], "The beginning of this output is shown."
	}
	d.text -= len(text)
	o.Text = visible(text)
	if text == "" && o.Note == "" {
		o.Note = "This output is empty."
	}
	return o
}

// picture draws a picture again from its pixels: none of its bytes are sent.
func (d *drawing) picture(kind, coded string) bookOutput {
	o := bookOutput{Kind: "Output: picture (" + kind + "), drawn again from its pixels"}
	raw, err := base64.StdEncoding.DecodeString(strings.Map(func(r rune) rune {
		if r == '\n' || r == '\r' || r == ' ' {
			return -1
		}
		return r
	}, coded))
	conf, form, err2 := image.DecodeConfig(bytes.NewReader(raw))
	if err != nil || err2 != nil || "image/"+form != kind || conf.Width < 1 || conf.Height < 1 {
		o.Note = "This picture can’t be shown: its bytes are not those of one."
		return o
	}
	size := int64(conf.Width) * int64(conf.Height)
	if d.pictures == 0 || size > maxPixels || size > int64(d.pixels) {
		o.Note = fmt.Sprintf("This picture can’t be shown: it is too large (%d by %d), or the notebook holds too many.", conf.Width, conf.Height)
		return o
	}
	d.pictures, d.pixels = d.pictures-1, d.pixels-int(size)
	img, _, err := image.Decode(bytes.NewReader(raw))
	if err != nil {
		o.Note = "This picture can’t be shown: it is broken."
		return o
	}
	var b bytes.Buffer
	if err := png.Encode(&b, img); err != nil {
		o.Note = "This picture can’t be shown."
		return o
	}
	o.Picture = inline(b.Bytes())
	return o
}

// inline is the address that holds a PNG which this program has encoded.
func inline(png []byte) template.URL {
	return template.URL("data:image/png;base64," + base64.StdEncoding.EncodeToString(png))
}
