package ark

import (
	"errors"
	"fmt"
)

// Kind is why something was refused or failed. The set is closed and
// append-only; a number is never given a second meaning.
type Kind int

// The kinds. The zero kind is Internal: an error nobody classified is never
// shown to a user in detail.
const (
	Internal    Kind = iota // ours to mend; the user sees a reference only
	Invalid                 // the request itself is wrong: file, row, field are named
	Unknown                 // no such thing, and it is no secret that there is none
	Withheld                // it may exist, but this user may not know
	Forbidden               // policy refuses; the policy is named
	Conflict                // the state of the thing does not allow it now
	Lapsed                  // a permit, training or agreement has run out
	Unavailable             // a part we need (keys, store, runtime) does not answer
	TooMuch                 // a limit of size, rate or quota
	Unsigned                // not signed in, or the second factor is missing
)

var kindNames = [...]string{"internal", "invalid", "unknown", "withheld", "forbidden", "conflict", "lapsed", "unavailable", "too-much", "unsigned"}

func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return "internal"
	}
	return kindNames[k]
}

// Fault is an error that a user may see. Says and Remedy are complete English
// sentences without row values or identifiers; Cause is for operators' logs.
type Fault struct {
	Kind   Kind
	Says   string // what happened and why
	Remedy string // what to do about it
	Policy string // the policy or rule that refused, if one did
	Where  Where  // the place in a user's input, if there is one
	Cause  error
}

// Where points into a user's input. Row counts from 1, the header line is 0
// rows; zero fields are unknown.
type Where struct {
	File  string `json:"file,omitempty"`
	Row   int64  `json:"row,omitempty"`
	Field string `json:"field,omitempty"`
}

func (w Where) String() string {
	s := ""
	if w.File != "" {
		s = w.File
	}
	if w.Row > 0 {
		s += fmt.Sprintf(" row %d", w.Row)
	}
	if w.Field != "" {
		s += fmt.Sprintf(" field %q", w.Field)
	}
	return s
}

// Faultf makes a Fault of the given kind with a formatted sentence.
func Faultf(k Kind, format string, args ...any) *Fault {
	return &Fault{Kind: k, Says: fmt.Sprintf(format, args...)}
}

// Do adds the remedy and returns f.
func (f *Fault) Do(remedy string) *Fault { f.Remedy = remedy; return f }

// At adds the place and returns f.
func (f *Fault) At(file string, row int64, field string) *Fault {
	f.Where = Where{file, row, field}
	return f
}

// By adds the policy that refused and returns f.
func (f *Fault) By(policy string) *Fault { f.Policy = policy; return f }

// Because adds the cause, which operators see and users do not, and returns f.
func (f *Fault) Because(err error) *Fault { f.Cause = err; return f }

func (f *Fault) Error() string {
	s := f.Says
	if w := f.Where.String(); w != "" {
		s = w + ": " + s
	}
	if f.Remedy != "" {
		s += " — " + f.Remedy
	}
	if f.Cause != nil {
		s += ": " + f.Cause.Error()
	}
	return s
}

// Public is the text for the user: everything but the cause.
func (f *Fault) Public() string {
	g := *f
	g.Cause = nil
	return g.Error()
}

// Public is the text for the user of the outermost Fault in err's chain, and
// otherwise when err holds none.
func Public(err error, otherwise string) string {
	var f *Fault
	if errors.As(err, &f) {
		return f.Public()
	}
	return otherwise
}

func (f *Fault) Unwrap() error { return f.Cause }

// KindOf returns the kind of the outermost Fault in err's chain, Internal for
// any other error. A nil error has no kind; asking is a bug and returns Internal.
func KindOf(err error) Kind {
	var f *Fault
	if errors.As(err, &f) {
		return f.Kind
	}
	return Internal
}

// Is reports whether err is a fault of kind k.
func Is(err error, k Kind) bool { return err != nil && KindOf(err) == k }
