// Package governance holds who people are and what was decided: users,
// organisations, delegations, projects, applications, custodians' reviews and
// permits.
//
// Every change goes through store.Act. Governance reads the catalogue to know
// whose data an application asks for; it never reads a record, a key or an
// object, and nobody but it issues a permit.
package governance
