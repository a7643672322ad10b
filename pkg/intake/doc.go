// Package intake takes deliveries in: it reads a sender's files against the
// source's contract, quarantines bad rows with their reason, removes exact
// duplicates, reports quality, and parts identifiers from payload.
//
// Parting is an allow-list: a field goes only where its contract sends it, and
// what the contract does not name goes nowhere. This is the one place in an
// Ark where identity and facts are in one process; they leave it in separate
// files for separate zones.
//
// It may touch the readers and writers it is given and one scratch folder
// (sealed spill files). It must never put a value of a row into an error, a
// report or a log: those name file, row, field and rule.
//
//	c, err := intake.ParseContract(text)
//	report, err := intake.Process(ctx, intake.Job{Contract: c, …})
//	for row, err := range intake.Current(ctx, deliveries) { … }
package intake
