package keys

import (
	"context"
	"crypto/ed25519"
)

// Right is what a role may do with the keys of a class.
type Right string

// The rights. They mirror the grants; on one box the folder's groups, on Vault
// the policies enforce the same outside the process.
const (
	MaySeal    Right = "seal"    // NewDataKey, Fingerprint
	MayOpen    Right = "open"    // Unwrap
	MayHash    Right = "hash"    // Derive, MAC
	MaySign    Right = "sign"    // Sign
	MayVerify  Right = "verify"  // Verify, Public
	MayCreate  Right = "create"  // Create, Rotate
	MayDestroy Right = "destroy" // Destroy
	MayList    Right = "list"    // List
)

// Rights are the rights of one role. A class that is absent has none.
type Rights map[Class][]Right

func (r Rights) check(n Name, want Right) error {
	for _, have := range r[n.Class()] {
		if have == want {
			return nil
		}
	}
	return Refused(n, nil)
}

// Confine returns a keyring that refuses everything outside rights before it
// reaches kr. It is the wall inside the process; it does not replace the one
// outside. Nil rights refuse everything.
func Confine(kr Keyring, rights Rights) Keyring { return confined{kr, rights} }

type confined struct {
	kr     Keyring
	rights Rights
}

var _ Keyring = confined{}

func (c confined) Create(ctx context.Context, n Name) error {
	if err := c.rights.check(n, MayCreate); err != nil {
		return err
	}
	return c.kr.Create(ctx, n)
}

func (c confined) NewDataKey(ctx context.Context, n Name) (Secret, Wrapped, error) {
	if err := c.rights.check(n, MaySeal); err != nil {
		return Secret{}, nil, err
	}
	return c.kr.NewDataKey(ctx, n)
}

func (c confined) Unwrap(ctx context.Context, n Name, w Wrapped) (Secret, error) {
	if err := c.rights.check(n, MayOpen); err != nil {
		return Secret{}, err
	}
	return c.kr.Unwrap(ctx, n, w)
}

func (c confined) Fingerprint(ctx context.Context, n Name, data []byte) ([]byte, error) {
	if err := c.rights.check(n, MaySeal); err != nil {
		return nil, err
	}
	return c.kr.Fingerprint(ctx, n, data)
}

func (c confined) Derive(ctx context.Context, n Name, context string) (Secret, error) {
	if err := c.rights.check(n, MayHash); err != nil {
		return Secret{}, err
	}
	return c.kr.Derive(ctx, n, context)
}

func (c confined) MAC(ctx context.Context, n Name, data []byte) ([]byte, error) {
	if err := c.rights.check(n, MayHash); err != nil {
		return nil, err
	}
	return c.kr.MAC(ctx, n, data)
}

func (c confined) Sign(ctx context.Context, n Name, message []byte) ([]byte, error) {
	if err := c.rights.check(n, MaySign); err != nil {
		return nil, err
	}
	return c.kr.Sign(ctx, n, message)
}

func (c confined) Verify(ctx context.Context, n Name, message, signature []byte) error {
	if err := c.rights.check(n, MayVerify); err != nil {
		return err
	}
	return c.kr.Verify(ctx, n, message, signature)
}

func (c confined) Public(ctx context.Context, n Name) (ed25519.PublicKey, error) {
	if err := c.rights.check(n, MayVerify); err != nil {
		return nil, err
	}
	return c.kr.Public(ctx, n)
}

func (c confined) Rotate(ctx context.Context, n Name) (int, error) {
	if err := c.rights.check(n, MayCreate); err != nil {
		return 0, err
	}
	return c.kr.Rotate(ctx, n)
}

func (c confined) Destroy(ctx context.Context, n Name) (Evidence, error) {
	if err := c.rights.check(n, MayDestroy); err != nil {
		return Evidence{}, err
	}
	return c.kr.Destroy(ctx, n)
}

func (c confined) List(ctx context.Context, class Class) ([]Info, error) {
	if err := c.rights.check(Name(class)+"/", MayList); err != nil {
		return nil, err
	}
	return c.kr.List(ctx, class)
}
