package model

import (
	"bytes"
	"compress/zlib"
	"io"

	"github.com/ark-tre/ark/airlock/inspect/look"
	"github.com/ark-tre/ark/airlock/inspect/pack"
)

func packUnfold(s *look.Scope, data []byte) ([]byte, string, string) { return pack.Unfold(s, data) }

// unzlib decompresses within the room.
func unzlib(s *look.Scope, data []byte) ([]byte, string) {
	in := bytes.NewReader(data)
	z, err := zlib.NewReader(in)
	if err != nil {
		return nil, "archive-damaged"
	}
	out, err := io.ReadAll(io.LimitReader(z, s.Room.Bytes+1))
	switch {
	case err != nil:
		return nil, "archive-damaged"
	case !s.Room.Take(int64(len(out)), 1):
		return nil, "archive-bomb"
	case in.Len() > 0:
		return nil, "archive-hidden-data"
	}
	return out, ""
}
