package issuer

import (
	"context"
	"errors"
	"net/http"
	"sync"
	"time"
)

// pending is a sign-in under way. The password's verdict waits inside until a
// code was given too, so that neither page tells which of the two was wrong.
type pending struct {
	request authRequest
	browser hash
	ends    time.Time
	own     bool // begun for the page of passkeys, not for the client

	mu       sync.Mutex // guards the fields below
	userName string     // "" until a password was given
	account  Account    // of userName, if the password was right
	right    bool       // the password was right and sign-in isn't paused
	tries    int        // codes and passkeys given
	ask      *ask       // the challenge that a passkey may answer
}

const (
	codeTries   = 3 // then the password is asked again
	wrongText   = "That user name, password, code or passkey is not right, or sign-in is paused after several tries. Check them all, or wait a few minutes and try again."
	tooManyText = "There were too many sign-ins from here. Wait a minute and try again."
	lateText    = "This sign-in took too long or was started in another browser. Go back to the service and start again."
)

// find returns the sign-in that a request belongs to, if this browser began it.
func (i *Issuer) find(w http.ResponseWriter, r *http.Request) (*pending, string, bool) {
	tx := r.FormValue("tx")
	p, ok := i.pending.get(hashOf(tx), i.opt.Now())
	v, bound := i.readCookie(r, "browser")
	if !ok || !bound || hashOf(v) != p.browser {
		i.pages.message(w, http.StatusBadRequest, "Start the sign-in again", lateText)
		return nil, "", false
	}
	return p, tx, true
}

// named is find for the pages of the second factor: a sign-in to which a
// password was given. Where it is ok p.mu is held, and the caller lets it go.
func (i *Issuer) named(w http.ResponseWriter, r *http.Request) (*pending, string, bool) {
	p, tx, ok := i.find(w, r)
	if !ok {
		return nil, "", false
	}
	p.mu.Lock()
	if p.userName == "" {
		p.mu.Unlock()
		http.Redirect(w, r, "/sign-in?tx="+tx, http.StatusSeeOther)
		return nil, "", false
	}
	return p, tx, true
}

// trying is named for an answer to the second factor, refused where there were
// too many from one address.
func (i *Issuer) trying(w http.ResponseWriter, r *http.Request) (p *pending, tx string, now time.Time, ok bool) {
	if p, tx, ok = i.named(w, r); !ok {
		return nil, "", now, false
	}
	if now = i.opt.Now(); i.byCaller.allow(i.opt.Address(r), now) {
		return p, tx, now, true
	}
	defer p.mu.Unlock()
	w.Header().Set("Retry-After", "60")
	i.pages.code(w, http.StatusTooManyRequests, i.codePage(r.Context(), p, tx, tooManyText))
	return nil, "", now, false
}

func (i *Issuer) askPassword(w http.ResponseWriter, r *http.Request) {
	if p, tx, ok := i.find(w, r); ok {
		i.pages.password(w, http.StatusOK, passwordPage{TX: tx, UserName: p.request.Hint, Demo: i.pages.demo})
	}
}

func (i *Issuer) takePassword(w http.ResponseWriter, r *http.Request) {
	p, tx, ok := i.find(w, r)
	if !ok {
		return
	}
	if as := r.PostFormValue("as"); as != "" && i.opt.Demonstration {
		i.fillDemo(w, tx, as)
		return
	}
	name, password, now := CanonicalUserName(r.PostFormValue("user")), r.PostFormValue("password"), i.opt.Now()
	if name == "" || password == "" || len(password) > passwordMax {
		i.pages.password(w, http.StatusUnprocessableEntity, passwordPage{TX: tx, UserName: name, Error: "Enter your user name and your password.", Demo: i.pages.demo})
		return
	}
	caller := i.opt.Address(r)
	if !i.byCaller.allow(caller, now) || !i.byPair.allow(caller+" "+name, now) {
		w.Header().Set("Retry-After", "60")
		i.pages.password(w, http.StatusTooManyRequests, passwordPage{TX: tx, UserName: name, Error: tooManyText, Demo: i.pages.demo})
		return
	}
	account, right, err := i.checkPassword(r.Context(), name, password, now)
	if err != nil {
		i.fault(w, r, err)
		return
	}
	p.mu.Lock()
	p.userName, p.account, p.right, p.tries = name, account, right, 0
	p.mu.Unlock()
	http.Redirect(w, r, "/code?tx="+tx, http.StatusSeeOther)
}

func (i *Issuer) fillDemo(w http.ResponseWriter, tx, as string) {
	page := passwordPage{TX: tx, Demo: i.pages.demo}
	for _, d := range i.opt.Demo {
		if d.UserName == as {
			page.UserName, page.Password, page.Filled = d.UserName, d.Password, d.Label
		}
	}
	i.pages.password(w, http.StatusOK, page)
}

// checkPassword takes the same time for an unknown name, a paused account and a
// wrong password: one durable write, one argon2 computation.
func (i *Issuer) checkPassword(ctx context.Context, name, password string, now time.Time) (Account, bool, error) {
	before, err := i.opt.Directory.Attempt(ctx, name, now)
	if err != nil {
		return Account{}, false, err
	}
	account, err := i.opt.Directory.ByUserName(ctx, name)
	known := err == nil
	if err != nil && !errors.Is(err, ErrNoAccount) {
		return Account{}, false, err
	}
	against := i.decoy
	if known {
		if against, err = parseHash(account.PasswordHash); err != nil {
			return Account{}, false, err
		}
	}
	wait, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	select {
	case i.hashing <- struct{}{}:
		defer func() { <-i.hashing }()
	case <-wait.Done():
		return Account{}, false, wait.Err()
	}
	right := against.matches(password) && known && !account.Disabled && !locked(before, now)
	if !right {
		return Account{}, false, nil
	}
	return account, true, nil
}

func (i *Issuer) askCode(w http.ResponseWriter, r *http.Request) {
	p, tx, ok := i.named(w, r)
	if !ok {
		return
	}
	defer p.mu.Unlock()
	i.pages.code(w, http.StatusOK, i.codePage(r.Context(), p, tx, ""))
}

// codePage fills the page's fields; the demonstration's authenticator is on it
// for demonstration accounts alone.
func (i *Issuer) codePage(ctx context.Context, p *pending, tx, problem string) codePage {
	page := codePage{TX: tx, Error: problem, Passkeys: i.web != nil}
	if !i.opt.Demonstration || !p.right || !i.isDemo(p.userName) {
		return page
	}
	last, err := i.opt.Directory.LastStep(ctx, p.account.Subject)
	if err != nil {
		return page
	}
	now := i.opt.Now()
	page.Authenticator = true
	if code, ok := nextTOTP(p.account.TOTPSecret, now, last); ok {
		page.DemoCode = code
	} else {
		page.DemoWait = int(totpPeriod - now.Unix()%totpPeriod)
	}
	return page
}

func (i *Issuer) isDemo(userName string) bool {
	for _, d := range i.opt.Demo {
		if d.UserName == userName {
			return true
		}
	}
	return false
}

func (i *Issuer) takeCode(w http.ResponseWriter, r *http.Request) {
	p, tx, now, ok := i.trying(w, r)
	if !ok {
		return
	}
	defer p.mu.Unlock()
	right, err := i.checkCode(r.Context(), p, r.PostFormValue("code"), now)
	if err != nil {
		i.fault(w, r, err)
		return
	}
	if !right {
		i.wrongCode(w, r, p, tx)
		return
	}
	i.finish(w, r, p, tx, now, []string{"pwd", "otp"})
}

// finish signs in who proved both factors, and sends them on. The caller holds
// p.mu.
func (i *Issuer) finish(w http.ResponseWriter, r *http.Request, p *pending, tx string, now time.Time, amr []string) {
	if _, ok := i.pending.take(hashOf(tx), now); !ok { // two tabs, one sign-in
		i.pages.message(w, http.StatusBadRequest, "Start the sign-in again", lateText)
		return
	}
	s, ok := i.startSession(w, r, p.account.Subject, now, amr)
	if !ok {
		i.pages.message(w, http.StatusServiceUnavailable, "Too many people are signed in", "Try again in a few minutes.")
		return
	}
	i.byPair.forgive(i.opt.Address(r) + " " + p.userName)
	i.opt.Log.InfoContext(r.Context(), "issuer: signed in", "subject", s.Subject)
	if p.own {
		http.Redirect(w, r, "/passkeys", http.StatusSeeOther)
		return
	}
	i.grant(w, r, p.request, s)
}

// count counts a try of the second factor. The first of a sign-in was counted
// with its password; each further one counts again.
func (i *Issuer) count(ctx context.Context, p *pending, now time.Time) error {
	p.tries++
	if p.tries > 1 {
		before, err := i.opt.Directory.Attempt(ctx, p.userName, now)
		if err != nil {
			return err
		}
		p.right = p.right && !locked(before, now)
	}
	return nil
}

// checkCode spends the code.
func (i *Issuer) checkCode(ctx context.Context, p *pending, typed string, now time.Time) (bool, error) {
	if err := i.count(ctx, p, now); err != nil {
		return false, err
	}
	if !p.right {
		matchTOTP(decoySecret, digits(typed), now, 0)
		return false, nil
	}
	last, err := i.opt.Directory.LastStep(ctx, p.account.Subject)
	if err != nil {
		return false, err
	}
	step, ok := matchTOTP(p.account.TOTPSecret, digits(typed), now, last)
	if !ok {
		return false, nil
	}
	err = i.opt.Directory.Succeeded(ctx, p.account.Subject, step)
	if errors.Is(err, ErrStepUsed) || errors.Is(err, ErrNoAccount) {
		return false, nil
	}
	return err == nil, err
}

// decoySecret keeps the time of a code check the same where there is no account.
const decoySecret = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"

func (i *Issuer) wrongCode(w http.ResponseWriter, r *http.Request, p *pending, tx string) {
	i.opt.Log.InfoContext(r.Context(), "issuer: sign-in refused")
	if p.tries >= codeTries {
		name := p.userName
		p.ask = nil
		p.userName, p.account, p.right, p.tries = "", Account{}, false, 0
		i.pages.password(w, http.StatusUnprocessableEntity, passwordPage{TX: tx, UserName: name, Error: wrongText, Demo: i.pages.demo})
		return
	}
	i.pages.code(w, http.StatusUnprocessableEntity, i.codePage(r.Context(), p, tx, wrongText))
}

// digits drops the spaces and dashes that people type into codes.
func digits(typed string) string {
	if len(typed) > 32 {
		return ""
	}
	out := make([]byte, 0, 6)
	for _, c := range []byte(typed) {
		if c >= '0' && c <= '9' {
			out = append(out, c)
		} else if c != ' ' && c != '-' {
			return ""
		}
	}
	return string(out)
}
