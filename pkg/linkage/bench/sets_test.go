package bench

import "testing"

func TestSetsAreWhatTheirSourcesSay(t *testing.T) {
	sets, err := small(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]int64{"historical_50k": 50578, "fake_1000": 1000, "febrl1": 1000, "febrl2": 5000, "febrl3": 5000, "febrl4": 10000}
	for _, s := range sets {
		if s.records != want[s.name] {
			t.Errorf("%s has %d records, want %d", s.name, s.records, want[s.name])
		}
	}
}
