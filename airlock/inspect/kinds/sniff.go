package kinds

import "github.com/gabriel-vasile/mimetype"

// sniff names what content looks like, for the report of a refused file.
func sniff(b []byte) string { return mimetype.Detect(b[:min(len(b), 3072)]).String() }
