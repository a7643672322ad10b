package identity

import (
	"slices"
	"time"
)

// Proof is what a provider proved about the user who signed in.
type Proof struct {
	Issuer        string
	Subject       string // stable at this issuer; together with Issuer it names an account
	Name          string
	Email         string
	EmailVerified bool // what the provider says; never a reason to join two accounts
	AMR           []string
	ACR           string
	AuthTime      time.Time // when the user last proved who they are; zero if the provider doesn't say
	SessionID     string    // the provider's session, for back-channel logout; may be empty
	SecondFactor  bool      // a second factor was proved, by AMR or by a configured ACR
	StepUp        bool      // proved afresh in this flow, by BeginStepUp
	For           string    // step-up: the one act that it was asked for
}

// possession and knowledge are the authentication methods of RFC 8176 that
// count as "something held" and "something known or embodied". Text messages
// and calls (sms, tel) aren't counted: numbers are taken over too easily.
var (
	possession = []string{"otp", "hwk", "swk", "sc", "pop"}
	knowledge  = []string{"pwd", "pin", "fpt", "face", "iris", "retina", "vbm"}
)

// secondFactor reports whether amr or acr prove two factors of different kinds.
func secondFactor(amr []string, acr string, factorACR []string) bool {
	if slices.Contains(amr, "mfa") || acr != "" && slices.Contains(factorACR, acr) {
		return true
	}
	any := func(set []string) bool {
		return slices.ContainsFunc(amr, func(m string) bool { return slices.Contains(set, m) })
	}
	return any(possession) && any(knowledge)
}
