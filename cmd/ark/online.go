package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ark-tre/ark/pkg/ark"
	"github.com/ark-tre/ark/pkg/client"
	"github.com/ark-tre/ark/pkg/identity/signin"
)

// online is what the commands share that ask a running Ark, as the user who
// signed in with ark sign-in.
type online struct {
	Origin string `help:"Address of the Ark." default:"http://localhost:8080" env:"ARK_ORIGIN" placeholder:"URL"`
	JSON   bool   `name:"json" help:"Print the answer as JSON."`
}

// client carries the session that was saved for the Ark.
func (o online) client() (*client.Client, error) {
	saved, err := signin.DefaultSaved()
	if err != nil {
		return nil, err
	}
	h, err := saved.Client(o.Origin)
	if err != nil {
		return nil, err
	}
	return &client.Client{Origin: o.base(), HTTP: h}, nil
}

func (o online) base() string { return strings.TrimSuffix(o.Origin, "/") }

// print prints v as JSON when that is asked for, and otherwise the line.
func (o online) print(v any, format string, args ...any) error {
	if o.JSON {
		return printResult(v, false)
	}
	fmt.Printf(format+"\n", args...)
	return nil
}

// waiting is how long a command waits for a job of the Ark.
type waiting struct {
	Wait time.Duration `help:"How long to wait for the Ark's work." default:"30m"`
}

// listOf is a page of the API's lists.
type listOf[T any] struct {
	Items []T    `json:"items"`
	Next  string `json:"next"`
}

// all reads every page of a list.
func all[T any](ctx context.Context, c *client.Client, path string) ([]T, error) {
	out := []T{}
	for after := ""; ; {
		var l listOf[T]
		if err := c.Get(ctx, path+"?limit=500&after="+after, &l); err != nil {
			return nil, err
		}
		out = append(out, l.Items...)
		if after = l.Next; after == "" {
			return out, nil
		}
	}
}

// list prints a list of the API: as JSON where that is asked for, else a line of
// tabbed columns for each, and none where there is nothing.
func list[T any](ctx context.Context, o online, path, none string, line func(T) string) error {
	k, err := o.client()
	if err != nil {
		return err
	}
	items, err := all[T](ctx, k, path)
	if err != nil {
		return err
	}
	if o.JSON {
		return printResult(items, false)
	}
	if len(items) == 0 && none != "" {
		fmt.Println(none)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, x := range items {
		fmt.Fprintln(w, line(x))
	}
	return w.Flush()
}

// until reads a list again and again until done says that the thing it looks
// for has come to rest.
func until[T any](ctx context.Context, c *client.Client, wait time.Duration, what, path string, done func(T) bool) (T, error) {
	end := time.Now().Add(wait)
	var none T
	for {
		items, err := all[T](ctx, c, path)
		if err != nil {
			return none, err
		}
		for _, x := range items {
			if done(x) {
				return x, nil
			}
		}
		if time.Now().After(end) {
			return none, ark.Faultf(ark.Unavailable, "waited %v for %s", wait, what).Do("it goes on without you; ask again later")
		}
		select {
		case <-ctx.Done():
			return none, ctx.Err()
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// named finds the one thing of a list with that identifier or short name.
func named[T any](ctx context.Context, c *client.Client, path, noun, name string, of func(T) (id, slug string)) (T, error) {
	var none T
	items, err := all[T](ctx, c, path)
	if err != nil {
		return none, err
	}
	for _, x := range items {
		if id, slug := of(x); id == name || slug == name {
			return x, nil
		}
	}
	return none, ark.Faultf(ark.Unknown, "there is no %s of that name that you may see", noun).Do("give its short name or its identifier")
}

// readText reads a file that a user named.
func readText(name string) ([]byte, error) {
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, unreadable(name, err)
	}
	return text, nil
}
