package worker

import (
	"bytes"
	"context"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/catalogue"
	"github.com/ark-tre/ark/pkg/columnar"
	"github.com/ark-tre/ark/pkg/columnar/cell"
	"github.com/ark-tre/ark/pkg/keys/local"
	"github.com/ark-tre/ark/pkg/nhsnumber"
	"github.com/ark-tre/ark/pkg/objects"
)

// numberOf is a valid number of the test range.
func numberOf(t testing.TB, i int) string {
	t.Helper()
	for {
		body := fmt.Sprintf("9%08d", 10*i)
		if d, ok := nhsnumber.CheckDigit(body); ok {
			return body + string(d)
		}
		i += 100_000
	}
}

// nationalCheck stands in for the national opt-out check: it takes what a MESH
// client would send, as strictly as the service is said to, and answers with
// the list less those who opted out, or with one line when a number is wrong.
func nationalCheck(t *testing.T, outbox string, optedOut ...string) (answer []byte, id string) {
	t.Helper()
	controls, err := filepath.Glob(filepath.Join(outbox, "*.ctl"))
	must(t, err)
	if len(controls) != 1 {
		t.Fatalf("the MESH client has %d messages to send", len(controls))
	}
	text, err := os.ReadFile(controls[0])
	must(t, err)
	var control struct {
		Inner []struct {
			XMLName xml.Name
			Text    string `xml:",chardata"`
		} `xml:",any"`
	}
	must(t, xml.Unmarshal(text, &control))
	said := map[string]string{}
	for _, x := range control.Inner {
		said[x.XMLName.Local] = x.Text
	}
	base := strings.TrimSuffix(filepath.Base(controls[0]), ".ctl")
	if !regexp.MustCompile(`^[A-Z0-9]+-\d{6}-\d{4}$`).MatchString(base) || said["WorkflowId"] != "SPINE_NTT_UPHOLDING" || said["Subject"] == "" || said["LocalId"] != base || said["From_DTS"] != "ARK01" || said["To_DTS"] != "NDOO01" {
		t.Fatalf("the control file says %v", said)
	}
	data := filepath.Join(outbox, base+".dat")
	st, err := os.Stat(data)
	must(t, err)
	if st.Mode().Perm()&0o007 != 0 {
		t.Errorf("everybody may read the request: %v", st.Mode())
	}
	body, err := os.ReadFile(data)
	must(t, err)
	if bytes.Contains(body, []byte("\r")) {
		t.Error("a request has line feeds alone")
	}
	for line := range strings.Lines(string(body)) {
		if !regexp.MustCompile(`^\d{10},\n$`).MatchString(line) || !nhsnumber.Valid(line[:10]) {
			return []byte("Invalid NHS number at line\n"), base
		}
		if !slices.Contains(optedOut, line[:10]) {
			answer = append(answer, line...)
		}
	}
	must(t, os.Remove(data))
	must(t, os.Remove(controls[0]))
	return answer, base
}

// withNumbers delivers people with the given numbers, "" for none.
func (b Bench) withNumbers(t *testing.T, delivery string, numbers ...string) catalogue.LinkInput {
	t.Helper()
	var shape columnar.Schema
	for _, c := range []string{"record_key", "source", "nhs_number", "given_name", "family_name", "date_of_birth", "sex", "postcode"} {
		shape = append(shape, columnar.Field{Name: c, Type: cell.String, Nullable: true})
	}
	var buf bytes.Buffer
	w, err := columnar.NewWriter(&buf, shape, columnar.Options{})
	must(t, err)
	for i, n := range numbers {
		row := []columnar.Value{cell.Str(key("gp", i)), cell.Str("gp"), cell.Null, cell.Str("Ada"), cell.Str(fmt.Sprintf("Name%d", i)), cell.Str(fmt.Sprintf("19%02d-%02d-%02d", i%90, 1+i%12, 1+i%28)), cell.Str("F"), cell.Str(fmt.Sprintf("M%d 1AA", 1+i%9))}
		if n != "" {
			row[2] = cell.Str(n)
		}
		must(t, w.Append(row))
	}
	must(t, w.Close())
	ref, err := b.Objects.Put(t.Context(), objects.Identifiers, delivery+"/identifiers.parquet", IdentifiersKey, &buf)
	must(t, err)
	return catalogue.LinkInput{Delivery: delivery, Source: "gp", Number: 1, Identifiers: ref}
}

// bothSteps does the whole job and gives the record keys of those who are out.
func (b Bench) bothSteps(t *testing.T, job catalogue.LinkJob) ([]string, error) {
	t.Helper()
	res, persons := b.link(t, job)
	raw, err := json.Marshal(job)
	must(t, err)
	carry, err := json.Marshal(res)
	must(t, err)
	made, err := b.linkSteps()[1].Do(context.Background(), raw, carry)
	if err != nil {
		return nil, err
	}
	ref, ok := made.(catalogue.LinkResult).Outputs[catalogue.ListOptOuts]
	if !ok {
		return nil, nil
	}
	out := []string{}
	must(t, b.rows(t.Context(), ref, []string{"person_id"}, func(v []columnar.Value) {
		for record, id := range persons {
			if id == v[0].Str() {
				out = append(out, record)
			}
		}
	}))
	slices.Sort(out)
	return out, nil
}

// TestTheNationalCheck: a linkage asks about every valid number it holds; the
// answer leaves out those who opted out, and those who came since; whoever has
// no number stays in; half an answer and a refusal are refused whole.
func TestTheNationalCheck(t *testing.T) {
	b := newBench(t)
	must(t, b.Keys.(*local.Keyring).Create(t.Context(), ListsKey))
	b.Check = Check{Mailbox: "ARK01", To: "NDOO01", Outbox: t.TempDir()}
	var numbers []string
	for i := range 40 {
		numbers = append(numbers, numberOf(t, i))
	}
	numbers[7], numbers[8] = "", numbers[8][:9]+string('0'+(numbers[8][9]-'0'+1)%10) // none, and a wrong one
	job := catalogue.LinkJob{Linkage: "lnk_1", Number: 12, Started: time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC), Inputs: []catalogue.LinkInput{b.withNumbers(t, "dlv_1", numbers...)}, Profile: "ark"}
	if out, err := b.bothSteps(t, job); err != nil || out != nil {
		t.Fatalf("without a list: %v %v", out, err)
	}
	answer, id := nationalCheck(t, b.Check.Outbox, numbers[3], numbers[30])
	if n := bytes.Count(answer, []byte("\n")); id != "ARK01-221126-0012" || n != 36 {
		t.Fatalf("%s: an answer of %d lines for 38 numbers of which two opted out", id, n)
	}
	land := func(name string, text []byte) objects.Ref {
		ref, err := b.Objects.Put(t.Context(), objects.Lists, name+".dat", ListsKey, bytes.NewReader(text))
		must(t, err)
		return ref
	}
	job.Linkage, job.Number = "lnk_2", 13
	job.Inputs = []catalogue.LinkInput{b.withNumbers(t, "dlv_2", append(slices.Clone(numbers), numberOf(t, 77))...)}
	job.Lists = map[string]objects.Ref{catalogue.ListChecked: land("whole", answer)}
	out, err := b.bothSteps(t, job)
	if want := []string{key("gp", 3), key("gp", 30), key("gp", 40)}; err != nil || !slices.Equal(out, want) {
		t.Fatalf("out are %v, want %v: %v", out, want, err)
	}
	if again, _ := nationalCheck(t, b.Check.Outbox); bytes.Count(again, []byte("\n")) != 39 {
		t.Error("the next request does not ask about everybody")
	}
	for name, text := range map[string][]byte{"half of it": answer[:len(answer)/3], "a refusal": []byte("Invalid NHS number at line\n")} {
		job.Lists[catalogue.ListChecked] = land(strings.Fields(name)[0], text)
		if _, err := b.bothSteps(t, job); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
		if found, _ := filepath.Glob(filepath.Join(b.Check.Outbox, "*")); len(found) > 0 {
			t.Errorf("%s: asked again all the same", name)
		}
	}
	job.Lists = nil
	b.Check.Outbox = filepath.Join(b.Check.Outbox, "gone")
	if _, err := b.bothSteps(t, job); !ark.Is(err, ark.Unavailable) {
		t.Errorf("a folder that is not there: %v", err)
	}
}
