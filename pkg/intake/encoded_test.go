package intake

import (
	"strings"
	"testing"

	"github.com/ark-tre/ark/pkg/ark"
)

const encodedContract = `
contract: encoded
version: 1.0.0
title: People of an organisation that sends no names
declared: synthetic
format: {kind: csv}
delivers: changes
tables:
  - name: people
    key: [id]
    person: [id]
    fields:
      - {name: id, type: string, to: none}
      - {name: given_name_key, type: string, to: identifier, role: given_name_key}
      - {name: date_of_birth_key, type: string, to: identifier, role: date_of_birth_key}
      - {name: year_of_birth, type: integer, to: none}
      - {name: ward, type: string, to: payload}
    coarse:
      - {column: year_of_birth, from: year_of_birth}
`

// TestEncodingsComeIn: keyed encodings lie with the identifiers and nowhere
// else, in columns of their own. Attack: a sender puts a name where an encoding
// belongs; it is flagged and taken for no encoding.
func TestEncodingsComeIn(t *testing.T) {
	sink, r := takeIn(t, contract(t, encodedContract), named{"p.csv", "people", "id,given_name_key,date_of_birth_key,year_of_birth,ward\n" +
		"1,ABCDEFGHIJKLM234,ZYXWVUTSRQPON765,1980,A1\n" +
		"2,CANARYname,ZYXWVUTSRQPON765,1981,A2\n"})
	var first, second map[string]string
	for _, x := range sink.table(t, "identifiers/identifiers.parquet") {
		if x["given_name_key"] != "" {
			first = x
		} else {
			second = x
		}
	}
	if first["given_name_key"] != "ABCDEFGHIJKLM234" || first["date_of_birth_key"] != "ZYXWVUTSRQPON765" || first["flags"] != "" {
		t.Errorf("%v", first)
	}
	if _, there := first["postcode_key"]; there || second["date_of_birth_key"] != "ZYXWVUTSRQPON765" || second["flags"] != flagEncodingInvalid {
		t.Errorf("%v", second)
	}
	for name, text := range everything(t, sink) {
		if !strings.HasPrefix(name, "identifiers/") && (strings.Contains(text, "ZYXWVUTSRQPON765") || strings.Contains(text, "CANARY")) {
			t.Errorf("%s holds an encoding", name)
		}
	}
	if r.Identifiers.Flags[flagEncodingInvalid] != 1 || r.Identifiers.Records != 2 {
		t.Errorf("counted %+v", r.Identifiers)
	}
	for _, wrong := range []string{"role: given_name_code", "role: given_name_key, column: x"} {
		if _, err := ParseContract([]byte(strings.Replace(encodedContract, "role: given_name_key", wrong, 1))); !ark.Is(err, ark.Invalid) {
			t.Errorf("%s: %v", wrong, err)
		}
	}
	if _, err := ParseContract([]byte(strings.Replace(encodedContract, "{column: year_of_birth, from: year_of_birth}", "{column: lsoa, from: given_name_key}", 1))); !ark.Is(err, ark.Invalid) {
		t.Errorf("an encoding among the coarse columns: %v", err)
	}
}
