// Package catalogue holds what data there is: sources and their contracts,
// deliveries, linkage runs, datasets with their dictionaries, published
// versions, and answers to feasibility questions.
//
// It keeps metadata and references to objects; it never opens one. The work on
// bytes is done by workers, whose jobs it queues and whose results it records
// inside the change that ends the job.
package catalogue
