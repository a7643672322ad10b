package intake

import "slices"

// encodedRoles are the keyed encodings that an organisation delivers which
// sends no names, as ark link encode makes them: of each identifier and of
// parts of it. Linkage compares them with each other, and never with names.
var encodedRoles = [...]Role{
	"given_name_key", "given_name_sound_key", "given_name_start_key",
	"family_name_key", "family_name_sound_key", "family_name_start_key",
	"date_of_birth_key", "date_of_birth_year_month_key", "date_of_birth_year_day_key", "date_of_birth_month_day_key", "date_of_birth_year_key",
	"postcode_key", "outcode_key",
	"middle_name_key", "sex_key", "nhs_number_key", "id_number_key", "email_key", "phone_key", "address_1_key",
}

// EncodedRoles lists the roles of keyed encodings.
func EncodedRoles() []Role { return slices.Clone(encodedRoles[:]) }

// encoded reports whether a role is a keyed encoding.
func (r Role) encoded() bool { return slices.Contains(encodedRoles[:], r) }

// isEncoding reports whether raw has the form of an encoding: 80 bits in base
// 32. What has not is no encoding, and may be the name itself.
func isEncoding(raw []byte) bool {
	if len(raw) != 16 {
		return false
	}
	for _, b := range raw {
		if (b < 'A' || b > 'Z') && (b < '2' || b > '7') {
			return false
		}
	}
	return true
}

// encodings are the keyed encodings that the contract's tables declare, in the
// order of the identifier file's columns.
func (c *Contract) encodings() []Role {
	var out []Role
	for _, r := range encodedRoles {
		if slices.ContainsFunc(c.Tables, func(t *Table) bool {
			return slices.ContainsFunc(t.Fields, func(f *Field) bool { return f.Role == r })
		}) {
			out = append(out, r)
		}
	}
	return out
}
