package intake

import (
	"context"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

func draft(t *testing.T, text string) (string, error) {
	t.Helper()
	return Draft(context.Background(), Input{Name: "sample.csv", Open: func() (io.ReadCloser, error) { return io.NopCloser(strings.NewReader(text)), nil }}, "Clinic visits", Limits{})
}

func TestDraftIsAContractAndHoldsNoValue(t *testing.T) {
	var b strings.Builder
	b.WriteString("Visit ID;patient_id;NHS No;Surname;DOB;Sex;seen_on;ward;weight;remark\n")
	for i := range 300 {
		ward := []string{"north", "south"}[i%2]
		if i == 7 {
			ward = "SECRETward"
		}
		fmt.Fprintf(&b, "V%05d;P%d;9990000018;SECRETname%d;1980-02-%02d;%s;2024-01-%02d;%s;7%d.5;SECRET text %d\n", i, i%40, i, i%28+1, []string{"M", "F"}[i%2], i%28+1, ward, i%10, i)
	}
	text, err := draft(t, b.String())
	if err != nil {
		t.Fatal(err)
	}
	c := contract(t, text)
	for _, secret := range []string{"SECRET", "9990000018", "1980", "V0", "P1", "7.5"} {
		if strings.Contains(text, secret) {
			t.Errorf("the draft holds %q of the sample", secret)
		}
	}
	table := c.Tables[0]
	for name, want := range map[string]Role{"nhs_no": NHSNumber, "surname": FamilyName, "dob": DateOfBirth, "sex": Sex} {
		if f := table.Field(name); f == nil || f.To != ToIdentifier || f.Role != want {
			t.Errorf("%s is not drafted as an identifier", name)
		}
	}
	if f := table.Field("seen_on"); f.Type != TypeDate || f.To != ToPayload {
		t.Errorf("seen_on: %+v", f)
	}
	if f := table.Field("weight"); f.Type != TypeNumber || f.To != ToPayload {
		t.Errorf("weight: %+v", f)
	}
	for _, name := range []string{"ward", "remark", "patient_id", "visit_id"} {
		if f := table.Field(name); f.To != ToNone {
			t.Errorf("%s goes to %s", name, f.To)
		}
	}
	if c.Declared != Personal || table.Key[0] != "visit_id" || table.Person[0] != "patient_id" || c.Format.Delimiter != ";" {
		t.Errorf("declared %s, key %v, person %v, delimiter %q", c.Declared, table.Key, table.Person, c.Format.Delimiter)
	}
	if _, err := draft(t, "a,b\n"); !ark.Is(err, ark.Invalid) {
		t.Errorf("a sample without rows: %v", err)
	}
}

// A file without a header must not put its first row into the draft.
func TestDraftOfAFileWithoutHeader(t *testing.T) {
	_, err := draft(t, strings.Repeat("SECRET O'Name,9990000018,1980-02-03\n", 50))
	if !ark.Is(err, ark.Invalid) || strings.Contains(err.Error(), "SECRET") {
		t.Errorf("%v, want an Invalid fault", err)
	}
}

func TestFrictionless(t *testing.T) {
	text, err := FromFrictionless([]byte(`{"fields":[
		{"name":"Visit ID","type":"string","constraints":{"required":true,"maxLength":12},"x-ark":{"to":"none"}},
		{"name":"surname","type":"string","x-ark":{"to":"identifier","role":"family_name"}},
		{"name":"born","type":"date","format":"%d/%m/%Y","x-ark":{"to":"identifier","role":"date_of_birth"}},
		{"name":"weight","type":"number","constraints":{"minimum":1,"maximum":400.5},"x-ark":{"to":"payload"}},
		{"name":"ward","type":"string","categories":[{"value":"n","label":"North"},"s"],"x-ark":{"to":"payload"}},
		{"name":"remark","type":"string"}],"primaryKey":"Visit ID","missingValues":["","NA"]}`), "visits")
	if err != nil {
		t.Fatal(err)
	}
	c := contract(t, text)
	table := c.Tables[0]
	if f := table.Field("weight"); f.Min != "1" || f.Max != "400.5" || f.To != ToPayload {
		t.Errorf("weight: %+v", f)
	}
	if f := table.Field("born"); f.Type != TypeBirth || f.Format != "dd/mm/yyyy" {
		t.Errorf("born: %+v", f)
	}
	if f := table.Field("ward"); f.Type != TypeCode || len(c.Lists["ward"].Codes) != 2 {
		t.Errorf("ward: %+v", f)
	}
	if f := table.Field("remark"); f.To != ToNone {
		t.Error("a field the schema does not place goes somewhere")
	}
	if table.Key[0] != "visit_id" || table.Field("visit_id").Header != "Visit ID" || c.Format.Missing[0] != "NA" {
		t.Error("key, header or missing values are lost")
	}
	for name, bad := range map[string]string{"empty": "", "no fields": "{}", "geo": `{"fields":[{"name":"a","type":"geopoint"}]}`, "key": `{"fields":[{"name":"a"}],"primaryKey":"b"}`, "trailing": `{"fields":[{"name":"a"}]}{}`, "date": `{"fields":[{"name":"a","type":"date","format":"%m-%d"}]}`} {
		if _, err := FromFrictionless([]byte(bad), "x"); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// Whatever a sample or a schema holds, what comes out can be read as a
// contract or nothing comes out.
func FuzzDraft(f *testing.F) {
	f.Add("a,b\n1,2\n", true)
	f.Add(`{"fields":[{"name":"a","type":"date"}]}`, false)
	f.Add("\"x\"\"y\",b,b\n,,\n", true)
	f.Fuzz(func(t *testing.T, text string, csv bool) {
		var out string
		var err error
		if csv {
			out, err = draft(t, text)
		} else {
			out, err = FromFrictionless([]byte(text), "x")
		}
		if err != nil {
			return
		}
		if _, err := ParseContract([]byte(out)); err != nil && csv {
			t.Errorf("%v in\n%s", err, out)
		}
	})
}
