package s3

import (
	"encoding/json"

	"github.com/ark-tre/ark/pkg/objects"
)

type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid       string
	Effect    string
	Principal principal
	Action    []string
	Resource  []string
}

type principal struct{ AWS []string }

// BucketPolicy writes the policy of a zone's bucket: the principals may do what
// Store does, nobody else anything. Where the zone is under retention they may
// delete the passing names only; nobody may shorten a retention. It returns ""
// if there are no principals: then the bucket needs no policy.
func BucketPolicy(bucket string, rule objects.Rule, principals []string) (string, error) {
	if len(principals) == 0 {
		return "", nil
	}
	who, arn := principal{principals}, "arn:aws:s3:::"+bucket
	p := policy{Version: "2012-10-17", Statement: []statement{
		{"Bucket", "Allow", who, []string{
			"s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads", "s3:GetBucketLocation", "s3:GetBucketObjectLockConfiguration",
		}, []string{arn}},
		{"Objects", "Allow", who, objectActions(rule), []string{arn + "/*"}},
	}}
	if rule.Retain > 0 {
		var passing []string
		for _, part := range rule.Passing {
			passing = append(passing, arn+"/*"+part+"*")
		}
		if len(passing) > 0 {
			p.Statement = append(p.Statement, statement{"Superseded", "Allow", who, deleteActions(), passing})
		}
	}
	doc, err := json.MarshalIndent(p, "", "  ")
	return string(doc) + "\n", err
}

func objectActions(rule objects.Rule) []string {
	actions := []string{"s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload", "s3:ListMultipartUploadParts"}
	if rule.Retain > 0 {
		return append(actions, "s3:PutObjectRetention")
	}
	return append(actions, deleteActions()...)
}

func deleteActions() []string { return []string{"s3:DeleteObject", "s3:DeleteObjectVersion"} }
