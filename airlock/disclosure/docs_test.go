package disclosure

import (
	"bytes"
	"os"
	"testing"
)

func TestDocsAreFresh(t *testing.T) {
	var b bytes.Buffer
	if err := WriteDocs(&b); err != nil {
		t.Fatal(err)
	}
	const name = "../../docs/disclosure.md"
	have, err := os.ReadFile(name)
	if err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("docs/disclosure.md is stale: write it with ark disclose rules --markdown (%v)", err)
	}
}
