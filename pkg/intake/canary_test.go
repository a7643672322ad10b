package intake

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"
)

// everything is every byte and every cell of every output.
func everything(t *testing.T, m *memory) map[string]string {
	t.Helper()
	out := map[string]string{}
	for name, b := range m.files {
		text := b.String()
		if strings.HasSuffix(name, ".parquet") {
			r := m.reader(t, name)
			text += fmt.Sprint(r.Schema().Names())
			for row, err := range r.Rows(context.Background()) {
				if err != nil {
					t.Fatal(err)
				}
				for _, v := range row {
					text += "\n" + v.Text()
				}
			}
		}
		out[name] = text
	}
	return out
}

// Attack: a sender (or whoever writes into a sender's system) puts a canary
// wherever the contract does not look. It must come out nowhere.
func TestUndeclaredColumnsGoNowhere(t *testing.T) {
	header := strings.TrimSuffix(visitsHeader, "\n") + ",CANARYname,comment,\"CANARY \"\"quoted\"\"\"\n"
	sink, r := takeIn(t, contract(t, visitsContract), named{"v.csv", "visits", header +
		"v1,p1,9990000018,Smith,1980-02-03,F,2024-01-02,,a,71.5,n7,N,CANARY1,CANARY2,CANARY3\n" +
		"v2,p1,9990000018,Smith,1980-02-03,F,CANARYdate,,a,71.5,n7,N,CANARY1,CANARY2,CANARY3\n"})
	for name, text := range everything(t, sink) {
		if strings.Contains(text, "CANARY") {
			t.Errorf("%s holds the canary", name)
		}
	}
	if r.Files[0].Undeclared != 3 {
		t.Errorf("%d undeclared columns counted, want 3", r.Files[0].Undeclared)
	}
}

// Attack: identifiers must be in the identifier zone and in no other, also
// when the same text is a key.
func TestIdentifiersStayInTheirZone(t *testing.T) {
	sink, _ := takeIn(t, contract(t, visitsContract), named{"v.csv", "visits", visitsHeader +
		"visitCANARY,patientCANARY,9990000018,SmithCANARY,1980-02-03,F,2024-01-02,,a,71.5,nurseCANARY,N\n"})
	for name, text := range everything(t, sink) {
		for _, secret := range []string{"9990000018", "CANARY", "1980-02-03"} {
			if in := strings.Contains(text, secret); in && !strings.HasPrefix(name, "identifiers/") {
				t.Errorf("%s holds %s", name, secret)
			}
		}
	}
	who := everything(t, sink)["identifiers/identifiers.parquet"]
	if !strings.Contains(who, "SmithCANARY") || strings.Contains(who, "71.5") || strings.Contains(who, "2024-01-02") || strings.Contains(who, "visitCANARY") {
		t.Error("the identifier file holds a fact, or not the name")
	}
}

const fhirContract = `
contract: fhir
version: 1.0.0
title: FHIR
declared: public
format: {kind: fhir-ndjson}
delivers: changes
tables:
  - name: patients
    resource: Patient
    key: [id]
    person: [id]
    fields:
      - {name: id, path: id, type: string, to: none}
      - {name: nhs_number, path: "identifier[system=https://fhir.nhs.uk/Id/nhs-number].value", type: string, to: identifier, role: nhs_number}
      - {name: family, path: "name[use=official].family", type: string, to: identifier, role: family_name}
      - {name: status, path: maritalStatus.coding.code, type: string, to: payload, max_length: 4}
`

// Attack: narrative, display, notes, contained resources, extensions, another
// use of a name, a second key of one name, a nested object in a field's place.
func TestFHIRPassesDeclaredPathsAlone(t *testing.T) {
	line := `{"resourceType":"Patient","id":"1","text":{"status":"generated","div":"<div>CANARY</div>"},` +
		`"extension":[{"url":"CANARY","valueString":"CANARY","extension":[{"url":"x","valueString":"CANARY"}]}],` +
		`"contained":[{"resourceType":"Patient","id":"CANARY","name":[{"use":"official","family":"CANARY"}]}],` +
		`"identifier":[{"system":"other","value":"CANARY"},{"system":"https://fhir.nhs.uk/Id/nhs-number","value":"9990000018","_value":{"extension":[{"valueString":"CANARY"}]}}],` +
		`"name":[{"use":"nickname","family":"CANARY"},{"use":"official","family":"Smith","text":"CANARY","given":["CANARY"]}],` +
		`"maritalStatus":{"coding":[{"system":"s","display":"CANARY","code":"M"}],"text":"CANARY"},` +
		`"note":[{"text":"CANARY"}],"id":"CANARY","photo":[{"data":"CANARY"}],"communication":{"language":{"text":"CANARY"}}}` + "\n" +
		`{"resourceType":"Patient","id":"2","maritalStatus":{"coding":[{"code":{"CANARY":"CANARY"}}]},"name":"CANARY"}` + "\n" +
		`{"resourceType":"Patient","id":"3","maritalStatus":{"coding":[{"code":"CANARYlong"}]}}` + "\n" +
		`{"resourceType":"CANARY","id":"4"}` + "\n" + `not json CANARY` + "\n"
	sink, r := takeIn(t, contract(t, fhirContract), named{"p.ndjson", "patients", line})
	for name, text := range everything(t, sink) {
		if strings.Contains(text, "CANARY") {
			t.Errorf("%s holds the canary", name)
		}
	}
	got := sink.table(t, "payload/patients.parquet")
	if len(got) != 2 || r.Quarantined() != 3 {
		t.Fatalf("%d rows accepted and %d quarantined, want 2 and 3", len(got), r.Quarantined())
	}
	for _, row := range got {
		want := map[string]string{recordKey("patients", "1"): "M", recordKey("patients", "2"): ""}[row["record_key"]]
		if row["status"] != want {
			t.Errorf("status %q, want %q", row["status"], want)
		}
	}
	who := sink.table(t, "identifiers/identifiers.parquet")
	if len(who) != 2 || !bytes.Contains([]byte(fmt.Sprint(who)), []byte("Smith")) {
		t.Errorf("identity: %v", who)
	}
}

// A path into free text must be declared as such.
func TestFreeTextHasToBeDeclared(t *testing.T) {
	for _, p := range []string{"text.div", "code.coding.display", "note.text", "contained.id", "name.text"} {
		text := strings.Replace(fhirContract, "path: maritalStatus.coding.code", "path: "+p, 1)
		if _, err := ParseContract([]byte(text)); err == nil || !strings.Contains(err.Error(), "free text") {
			t.Errorf("%s: %v", p, err)
		}
	}
}
