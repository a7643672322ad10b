// Package s3 holds the bucket policies of Ark's zones, one file per zone, for
// the operator to put on the buckets (named ark-<zone> here). They are made
// from policies/grants.yaml by this package's test. The principals are the
// roles' access keys, as S3-compatible servers take them; on AWS write each as
// the ARN of the role's user. It holds no code and must never hold a secret.
package s3
