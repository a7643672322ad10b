package columnar

import (
	"io"
	"sync"

	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/klauspost/compress/zstd"
)

// useCodec puts pooled in the place of arrow's zstd: that one makes a new
// encoder, with its tables of some megabytes, for every page it writes, and
// unpacks a page to whatever size its bytes say. The bytes written are the same.
var useCodec = sync.OnceFunc(func() {
	enc, err := zstd.NewWriter(nil, zstd.WithZeroFrames(true), zstd.WithEncoderConcurrency(2), zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithWindowSize(2<<20), zstd.WithLowerEncoderMem(true))
	if err != nil {
		panic(err) // the options are constants
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecodeAllCapLimit(true), zstd.WithDecoderConcurrency(2))
	if err != nil {
		panic(err)
	}
	compress.RegisterCodec(compress.Codecs.Zstd, pooled{enc, dec})
})

// pooled is zstd at its default level with encoders and decoders that are used
// again. Both are safe for concurrent use.
type pooled struct {
	enc *zstd.Encoder
	dec *zstd.Decoder
}

func (p pooled) Encode(dst, src []byte) []byte             { return p.enc.EncodeAll(src, dst[:0]) }
func (p pooled) EncodeLevel(dst, src []byte, _ int) []byte { return p.enc.EncodeAll(src, dst[:0]) }
func (p pooled) CompressBound(n int64) int64               { return n + n>>8 + 64 }

// Decode unpacks a page into dst, which is as long as the page's header says it
// is. A page that holds more is refused: the reader's guard turns the panic,
// the only way out of this interface, into a fault.
func (p pooled) Decode(dst, src []byte) []byte {
	out, err := p.dec.DecodeAll(src, dst[:0:len(dst)])
	if err != nil {
		panic(err)
	}
	return out
}

func (p pooled) NewReader(r io.Reader) io.ReadCloser {
	d, err := zstd.NewReader(r, zstd.WithDecoderConcurrency(1))
	if err != nil {
		panic(err)
	}
	return d.IOReadCloser()
}

func (p pooled) NewWriter(w io.Writer) io.WriteCloser {
	e, err := p.NewWriterLevel(w, 0)
	if err != nil {
		panic(err)
	}
	return e
}

func (p pooled) NewWriterLevel(w io.Writer, _ int) (io.WriteCloser, error) {
	return zstd.NewWriter(w, zstd.WithEncoderConcurrency(1))
}
