package bench

import (
	"bytes"
	"context"
	"strings"
	"testing"
)

func TestDailyDeliveryIsMeasured(t *testing.T) {
	var out bytes.Buffer
	r := &runner{Options: Options{Dir: t.TempDir(), Out: &out}}
	if err := r.mkdirs(); err != nil {
		t.Fatal(err)
	}
	if err := r.daily(context.Background(), 3000); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(out.String(), "of the full run") {
		t.Errorf("printed %q", out.String())
	}
}
