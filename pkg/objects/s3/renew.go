package s3

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
)

// Renew brings what an older version set up to what today's wants: it makes the
// buckets that came since, and puts today's policies on those whose policy is
// missing or another. who names the principals of each zone; a zone that it
// leaves out keeps its bucket's policy. Nothing is deleted, and no retention
// changed. It returns what it did, or would do when apply is false, one line
// each: of a policy, what it gives more and what it takes away. It may be
// repeated.
func Renew(ctx context.Context, c Config, rules objects.Rules, who map[objects.Zone][]string, apply bool) ([]string, error) {
	s, err := connect(c, rules, time.Now)
	if err != nil {
		return nil, err
	}
	var did []string
	for _, z := range slices.Sorted(maps.Keys(rules)) {
		bucket, rule, has := s.bucket(z), rules[z], ""
		there, err := s.core.BucketExists(ctx, bucket)
		if err != nil {
			return did, unreachable(err)
		}
		locked := rule.Retain > 0 && !c.Unlocked
		switch {
		case !there:
			if apply {
				if err := s.core.MakeBucket(ctx, bucket, minio.MakeBucketOptions{Region: c.Region, ObjectLocking: locked}); err != nil {
					return did, unreachable(err)
				}
			}
			did = append(did, "s3: make the bucket "+bucket)
		case locked:
			if lock, _, _, _, err := s.core.GetObjectLockConfig(ctx, bucket); err != nil || lock != "Enabled" {
				return did, ark.Faultf(ark.Unavailable, "the bucket of the zone %q has no object lock", string(z)).
					Do("make it anew with object lock: the zone is under retention; nothing was changed there").Because(err)
			}
		}
		if len(who[z]) == 0 {
			continue
		}
		if there {
			if has, err = s.core.GetBucketPolicy(ctx, bucket); err != nil && minio.ToErrorResponse(err).Code != "NoSuchBucketPolicy" {
				return did, unreachable(err)
			}
		}
		want, err := BucketPolicy(bucket, rule, who[z])
		if err != nil {
			return did, err
		}
		was, known := allowed(has)
		is, _ := allowed(want)
		if known && maps.Equal(was, is) {
			continue
		}
		line := fmt.Sprintf("s3: policy of %s: gives more: %s; takes away: %s", bucket, without(is, was), without(was, is))
		switch {
		case has == "":
			line = fmt.Sprintf("s3: policy of %s is missing: gives %s", bucket, without(is, was))
		case !known:
			line = fmt.Sprintf("s3: policy of %s is not as an Ark writes it: it is replaced by deploy/s3/%s.json", bucket, z)
		}
		if apply {
			if err := s.core.SetBucketPolicy(ctx, bucket, want); err != nil {
				return did, unreachable(err)
			}
		}
		did = append(did, line)
	}
	return did, nil
}

// allowed is what a policy lets whom do where; known is false where it is not as
// BucketPolicy writes one.
func allowed(policyText string) (out map[string]bool, known bool) {
	out = map[string]bool{}
	if policyText == "" {
		return out, true
	}
	var p policy
	dec := json.NewDecoder(strings.NewReader(policyText))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return out, false
	}
	for _, s := range p.Statement {
		if s.Effect != "Allow" {
			return out, false
		}
		for _, who := range s.Principal.AWS {
			for _, what := range s.Action {
				for _, on := range s.Resource {
					out[who+" "+what+" "+on] = true
				}
			}
		}
	}
	return out, true
}

// without lists what is in a and not in b.
func without(a, b map[string]bool) string {
	var out []string
	for _, x := range slices.Sorted(maps.Keys(a)) {
		if !b[x] {
			out = append(out, x)
		}
	}
	if len(out) == 0 {
		return "nothing"
	}
	return strings.Join(out, ", ")
}
