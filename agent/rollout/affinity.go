package rollout

import (
	"crypto/sha256"
	"fmt"
)

// cookies keeps the session affinity cookies of the status in step with the weight that is about
// to be put in force, and says whether they have changed, so that the route has to be written.
//
// While the canary has traffic, a client that got to it is kept there by a cookie whose value is
// the run's, and one that got to the primary, if that has a cookie, by one that is the step's: each
// step draws anew. At weight 0 the canary's cookie is remembered as the previous one, for the route
// to take it back. Values are derived, not drawn, so that a crash between two writes gives the same.
func (d *decider) cookies(weight int32) bool {
	st := &d.st
	was := &d.Canary.Status
	affinity := d.Canary.GetAnalysis().SessionAffinity
	run, step := "", int32(0)
	if d.run != nil {
		run, step = d.run.ID, d.run.Step
	}
	switch {
	case affinity == nil:
		st.SessionAffinityCookie, st.PrimarySessionAffinityCookie, st.PreviousSessionAffinityCookie = "", "", ""
	case weight > 0:
		st.SessionAffinityCookie = affinity.CookieName + "=" + d.token(run)
		st.PrimarySessionAffinityCookie = ""
		if affinity.PrimaryCookieName != "" {
			st.PrimarySessionAffinityCookie = affinity.PrimaryCookieName + "=" + d.token(run, "primary", fmt.Sprint(step))
		}
		st.PreviousSessionAffinityCookie = ""
	default:
		if st.SessionAffinityCookie != "" {
			st.PreviousSessionAffinityCookie = st.SessionAffinityCookie
		}
		st.SessionAffinityCookie, st.PrimarySessionAffinityCookie = "", ""
	}
	return was.SessionAffinityCookie != st.SessionAffinityCookie ||
		was.PrimarySessionAffinityCookie != st.PrimarySessionAffinityCookie ||
		was.PreviousSessionAffinityCookie != st.PreviousSessionAffinityCookie
}

// token is ten letters that stand for the parts and for this canary.
func (d *decider) token(parts ...string) string {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", append([]string{string(d.Canary.UID)}, parts...)))
	token := make([]byte, 10)
	for i := range token {
		token[i] = letters[int(sum[i])%len(letters)]
	}
	return string(token)
}
