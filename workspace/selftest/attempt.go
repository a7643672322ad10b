package selftest

import (
	"fmt"
	"os"
)

// attempt is one way out. try returns nil if it got out and the kernel's
// refusal if not. harmless ones can be run without a sandbox to see that they
// are able to succeed.
type attempt struct {
	name, tries string
	harmless    bool
	try         func(Target) error
}

// attempts returns every attempt in the order of the report.
func attempts() []attempt {
	var all []attempt
	for _, group := range [][]attempt{network(), files(), mounts(), namespaces(), calls(), privileges(), limits()} {
		all = append(all, group...)
	}
	return all
}

// Names returns the name of every attempt that runs inside.
func Names() []string {
	var names []string
	for _, a := range attempts() {
		names = append(names, a.name)
	}
	return names
}

// writeTo opens path for writing, without making it, and writes text.
func writeTo(path, text string) error {
	f, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.WriteString(text)
	return err
}

// readSome reads one byte of path, so that an empty stand-in is no success.
func readSome(path string) error {
	f, err := os.Open(path)
	if err != nil {
		return err
	}
	defer f.Close()
	n, err := f.Read(make([]byte, 1))
	if n == 1 {
		return nil
	}
	return fmt.Errorf("nothing to read: %w", err)
}

// each tries f on every value and reports the first success, else the last refusal.
func each[T any](values []T, f func(T) error) error {
	err := fmt.Errorf("nothing to aim at")
	for _, v := range values {
		if err = f(v); err == nil {
			return nil
		}
	}
	return err
}
