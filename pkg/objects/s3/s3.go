// Package s3 is the object store of many machines: a bucket per zone on any
// server that speaks S3 with conditional writes and object lock.
//
// Names are claimed by If-None-Match: * on the write (or on the completion of
// a multipart upload), mutable heads are replaced by If-Match. Zones under
// retention have buckets with object lock: each object is written with a
// retention date in compliance mode, and Delete refuses before that date
// without asking the server. The server refuses, too, whoever asks.
//
// The package may talk to its endpoint only. It must never buffer more than
// one part of an upload, and never leave an upload of its own open behind an
// error that it survives.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/objects"
)

// Config says where the buckets are. Every field but the last two is needed.
type Config struct {
	Endpoint string // host:port
	Region   string
	Access   string // access key of this role: it needs no more than its zones
	Secret   string
	Prefix   string // bucket = prefix + zone
	Insecure bool   // HTTP instead of HTTPS: on this machine only

	// Unlocked is for a server without object lock: retention then holds against
	// this program and nobody else. Never in production.
	Unlocked bool
}

// Store is a set of buckets.
type Store struct {
	core   *minio.Core
	config Config
	rules  objects.Rules
	now    func() time.Time
}

var _ objects.Backend = (*Store)(nil)

func connect(c Config, rules objects.Rules, now func() time.Time) (*Store, error) {
	core, err := minio.NewCore(c.Endpoint, &minio.Options{
		Creds:  credentials.NewStaticV4(c.Access, c.Secret, ""),
		Secure: !c.Insecure, Region: c.Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		return nil, ark.Faultf(ark.Invalid, "the address of the object store is malformed").Do("give host:port").Because(err)
	}
	return &Store{core: core, config: c, rules: rules, now: now}, nil
}

// Init makes a bucket per zone of rules, with object lock where the zone is
// under retention. A bucket that exists is refused.
func Init(ctx context.Context, c Config, rules objects.Rules) error {
	s, err := connect(c, rules, time.Now)
	if err != nil {
		return err
	}
	for z, rule := range rules {
		err = s.core.MakeBucket(ctx, s.bucket(z), minio.MakeBucketOptions{Region: c.Region, ObjectLocking: rule.Retain > 0 && !c.Unlocked})
		if code := minio.ToErrorResponse(err).Code; err != nil && (code == "BucketAlreadyOwnedByYou" || code == "BucketAlreadyExists") {
			return ark.Faultf(ark.Conflict, "the bucket of the zone %q exists already", string(z)).Do("open the store instead").Because(err)
		}
		if err != nil {
			return unreachable(err)
		}
	}
	return nil
}

// Open opens the buckets of the zones in rules, which may be the few that
// this role has rights for. A missing bucket, or one without object lock for a
// zone under retention, is refused.
func Open(ctx context.Context, c Config, rules objects.Rules, now func() time.Time) (*Store, error) {
	s, err := connect(c, rules, now)
	if err != nil {
		return nil, err
	}
	for z, rule := range rules {
		ok, err := s.core.BucketExists(ctx, s.bucket(z))
		if err != nil {
			return nil, unreachable(err)
		}
		if !ok {
			return nil, ark.Faultf(ark.Unavailable, "the bucket of the zone %q is missing", string(z)).
				Do("check the configuration; buckets are made by an explicit instruction only")
		}
		if rule.Retain == 0 || c.Unlocked {
			continue
		}
		lock, _, _, _, err := s.core.GetObjectLockConfig(ctx, s.bucket(z))
		if err != nil || lock != "Enabled" {
			return nil, ark.Faultf(ark.Unavailable, "the bucket of the zone %q has no object lock", string(z)).
				Do("make it anew with object lock: the zone is under retention").Because(err)
		}
	}
	return s, nil
}

func unreachable(err error) error {
	return ark.Faultf(ark.Unavailable, "the object store does not answer as it should").
		Do("check its address, its credentials and that it runs").Because(err)
}

func (s *Store) bucket(z objects.Zone) string { return s.config.Prefix + string(z) }

func (s *Store) check(z objects.Zone, name string) error {
	if _, ok := s.rules[z]; !ok {
		return fmt.Errorf("objects/s3: no zone %q", string(z))
	}
	return objects.CheckName(name)
}

// kind adds the contract's error to what the server answered. precondition is
// what a failed condition means.
func kind(err, precondition error) error {
	if err == nil {
		return nil
	}
	r := minio.ToErrorResponse(err)
	switch {
	case r.Code == "NoSuchBucket":
		return err
	case r.StatusCode == http.StatusPreconditionFailed || r.Code == "PreconditionFailed":
		return errors.Join(precondition, err)
	case r.StatusCode == http.StatusNotFound || r.Code == "NoSuchKey" || r.Code == "NoSuchVersion":
		return errors.Join(objects.ErrNotFound, err)
	}
	return err
}

// conflicting reports whether the server says that another conditional write
// is under way: S3 wants it tried again.
func conflicting(err error) bool {
	r := minio.ToErrorResponse(err)
	return r.Code == "ConditionalRequestConflict" || r.Code == "OperationAborted"
}
