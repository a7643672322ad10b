// Package trace leads from a project's pseudonym back to the organisation that
// sent the record, and nowhere else: for a finding that a person's own
// clinicians have to know, and for an error in the data that only its sender
// can mend.
//
// Nobody does it alone. A user of the project asks, for one person and one of a
// few reasons; a second user, who is not on the project, lets it pass; the
// workers find the record and seal the answer to the public key of the sending
// organisation. The Ark cannot open it, the project never sees it, and only the
// recipient who was named, or for an error the custodians of that organisation,
// can fetch it. Every step is an act in the ledger.
//
// The package holds no key that opens anything. It must never show a pseudonym,
// and never keep one after the answer was found.
package trace
