package model

import "strings"

// Role is what a column says about a person.
type Role string

// The roles. Other columns are compared for equality; Ignored ones are not
// looked at.
const (
	Ignored    Role = ""
	Given      Role = "given_name"
	Middle     Role = "middle_name"
	Family     Role = "family_name"
	Birth      Role = "date_of_birth"
	Sex        Role = "sex"
	Postcode   Role = "postcode"
	Email      Role = "email"
	Phone      Role = "phone"
	NHSNumber  Role = "nhs_number"
	IDNumber   Role = "id_number"
	Place      Role = "place"
	Street     Role = "address_1"
	Street2    Role = "address_2"
	HouseNo    Role = "street_number"
	Region     Role = "region"
	Occupation Role = "occupation"
	BirthOrder Role = "birth_order" // which of twins; also told by names such as "Twin 2"
)

// RoleOf guesses a role from a column's name; it knows nothing of values.
func RoleOf(column string) Role {
	n := strings.ToLower(strings.NewReplacer(" ", "_", "-", "_", ".", "_").Replace(strings.TrimSpace(column)))
	switch n {
	case "given_name", "first_name", "forename", "firstname", "givenname", "fname", "christian_name":
		return Given
	case "middle_name", "middle_names", "other_names", "second_forename", "middle_initial":
		return Middle
	case "family_name", "surname", "last_name", "lastname", "familyname", "lname":
		return Family
	case "date_of_birth", "dob", "birth_date", "birthdate", "dateofbirth":
		return Birth
	case "sex", "gender", "administrative_gender":
		return Sex
	case "postcode", "post_code", "postcode_fake", "zip", "zipcode", "zip_code", "postal_code":
		return Postcode
	case "email", "email_address", "e_mail":
		return Email
	case "phone", "phone_number", "telephone", "mobile", "tel":
		return Phone
	case "nhs_number", "nhs_no", "nhsnumber":
		return NHSNumber
	case "soc_sec_id", "ssn", "national_id", "social_security_number", "passport_number":
		return IDNumber
	case "city", "town", "suburb", "birth_place", "place_of_birth", "birthplace":
		return Place
	case "address_1", "address1", "address", "address_line_1", "street_name":
		return Street
	case "address_2", "address2", "address_line_2":
		return Street2
	case "street_number", "house_number":
		return HouseNo
	case "state", "county", "region":
		return Region
	case "occupation", "profession":
		return Occupation
	case "birth_order":
		return BirthOrder
	}
	return Ignored
}
