// Package alert sends what happens to a canary to the chat systems that its AlertProviders name.
//
// Fields, Reaches and Render are pure: what an alert says, who gets it, and the request for each
// chat system. A Sender looks up the AlertProviders and their Secrets, by one GET each at the moment
// of use, and posts. It is the state machine that decides which moments are worth an alert.
//
// Three rules hold for all of it. The path of a webhook's address is a password, so neither it nor a
// token is ever part of an error; the host is all that is said. What an alert quotes may come from
// anybody, so no message can forge markup, ping a channel or grow without end. And an alert that
// cannot be delivered is an error to report, never a reason to stop a run.
package alert
