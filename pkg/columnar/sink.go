package columnar

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"io"
	"sort"

	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/metadata"
)

// footerTail is the length of the footer and the magic number behind it.
const footerTail = 8

// sink is where a file goes. The footer is held back, to be written as one.
type sink struct {
	to   io.Writer
	held *bytes.Buffer // nil: nothing is held back
}

// Write implements io.Writer.
func (s *sink) Write(p []byte) (int, error) {
	if s.held != nil {
		return s.held.Write(p)
	}
	return s.to.Write(p)
}

// finish writes the footer. Arrow lists how many pages of a column have which
// encoding in the order of a map: where a dictionary was given up amid a group
// there are two, and the same table would give two files. They are put in order.
func (s *sink) finish(f *file.Writer) error {
	s.held = &bytes.Buffer{}
	if err := errors.Join(f.FlushWithFooter(), f.Close()); err != nil { // Close alone keeps a footer's failure to itself
		return err
	}
	text := s.held.Bytes()
	if len(text) < footerTail {
		return errors.New("columnar: the footer is incomplete")
	}
	size := int(binary.LittleEndian.Uint32(text[len(text)-footerTail:]))
	if size != len(text)-footerTail {
		return errors.New("columnar: the footer has another length than it says")
	}
	meta, err := metadata.NewFileMetaData(text[:size], nil)
	if err != nil {
		return err
	}
	for _, g := range meta.RowGroups {
		for _, c := range g.Columns {
			stats := c.MetaData.EncodingStats
			sort.SliceStable(stats, func(i, j int) bool { // a dictionary's page comes first
				return cmp.Or(cmp.Compare(stats[j].PageType, stats[i].PageType), cmp.Compare(stats[i].Encoding, stats[j].Encoding)) < 0
			})
		}
	}
	var out bytes.Buffer
	n, err := meta.WriteTo(&out, nil)
	if err != nil {
		return err
	}
	out.Write(binary.LittleEndian.AppendUint32(nil, uint32(n)))
	out.Write(text[len(text)-4:])
	_, err = s.to.Write(out.Bytes())
	return err
}
