package demonstration

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// told reads every mail, every webhook and the figures of the operator's own
// listener, which tell of this play and hold no word of an author, no value of
// a row and no small number beside a rare word.
func (p *play) told(ctx context.Context, values map[string]bool, labels map[string]int) error {
	if p.Postbox == nil {
		return nil
	}
	var mails, posts []string
	for end := time.Now().Add(longest); ; {
		if mails, posts = p.Postbox.all(); len(mails) > 5 && len(posts) > 5 {
			break
		}
		if err := must(time.Now().Before(end), "only %d mails and %d webhooks came", len(mails), len(posts)); err != nil {
			return err
		}
		if err := sleep(ctx, 500*time.Millisecond); err != nil {
			return err
		}
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+p.Postbox.figures+"/metrics", nil)
	if err != nil {
		return err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	figures, err := io.ReadAll(io.LimitReader(resp.Body, 8<<20))
	if err != nil {
		return err
	}
	if err := must(strings.Contains(string(figures), "# TYPE"), "the figures are none: %.200s", figures); err != nil {
		return err
	}
	about := false
	for what, texts := range map[string][]string{"a mail": mails, "a webhook": posts, "the figures": {string(figures)}} {
		for _, text := range texts {
			about = about || strings.Contains(text, p.request) || strings.Contains(text, p.release)
			if strings.Contains(text, canary) {
				return fmt.Errorf("%s holds an author's words", what)
			}
			if label, _ := tellsSmall(labels, text); label != "" {
				return fmt.Errorf("%s has a small number beside %s, which %d rows have", what, label, labels[label])
			}
			if err := holdsNone(values, text, what); err != nil {
				return err
			}
		}
	}
	p.Say("    %d mails, %d webhooks and %d lines of figures: the same", len(mails), len(posts), strings.Count(string(figures), "\n"))
	return must(about, "no mail and no webhook tells of this play's request")
}
