package kinds

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"io"
	"time"

	"github.com/ark-tre/ark/airlock/disclosure"
	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/wire"
)

// Deadline is how long looking at one file may take.
const Deadline = 30 * time.Second

// Serve looks at the files that come by in, one after the other, until in
// ends. The walls stand before it is called.
func Serve(in io.Reader, out io.Writer, known func([]byte) bool) error {
	r, w := bufio.NewReaderSize(in, 64<<10), bufio.NewWriterSize(out, 64<<10)
	for {
		var ask wire.Ask
		data, err := wire.Read(r, &ask, look.MaxFile+1)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		a, body := answer(ask, data, known)
		if err := wire.Write(w, a, body...); err != nil {
			return err
		}
	}
}

func answer(ask wire.Ask, data []byte, known func([]byte) bool) (wire.Answer, [][]byte) {
	ctx, stop := context.WithTimeout(context.Background(), Deadline)
	defer stop()
	rep := guarded(ctx, ask, data, known)
	a := wire.Answer{Type: rep.Media, Findings: rep.Findings, Rebuilt: -1, Sheets: -1, Ending: rep.Ending}
	if a.Type == "" {
		a.Type = "application/octet-stream"
	}
	if a.Findings == nil {
		a.Findings = []disclosure.Finding{}
	}
	look.Order(a.Findings)
	a.Verdict = disclosure.Judge(a.Findings)
	var body [][]byte
	if rep.Rebuilt != nil {
		a.Rebuilt = len(rep.Rebuilt)
		body = append(body, rep.Rebuilt)
	}
	if ask.Tables && len(rep.Tables) > 0 {
		var b bytes.Buffer
		if err := disclosure.WriteSheets(&b, sheets(rep.Tables)); err == nil {
			a.Sheets = b.Len()
			body = append(body, b.Bytes())
		}
	}
	if ask.Tables && len(rep.Numbers) > 0 {
		b := wire.PutNumbers(rep.Numbers)
		a.Numbers = len(b)
		body = append(body, b)
	}
	return a, body
}

// guarded makes a verdict of a panic: what crashes its reader does not leave.
func guarded(ctx context.Context, ask wire.Ask, data []byte, known func([]byte) bool) (r look.Report) {
	defer func() {
		if recover() != nil {
			r = look.Refuse(look.File{Name: ask.Name}, "", "file-crashed")
		}
	}()
	return Look(ctx, Options{Allowed: ask.Allowed, MaxRows: ask.MaxRows, Known: known, Records: ask.Records, Anyway: ask.Anyway}, ask.Name, data)
}
