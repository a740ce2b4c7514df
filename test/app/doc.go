// The demo app: a web server whose behaviour a test can choose.
//
// It answers like podinfo does, which the seed manifests were written for, and
// takes its behaviour from the environment, or from its image tag, so that
// "kubectl set image" is all it takes to ship a bad version:
//
//	VERSION         what it says it is; default: IMAGE_TAG
//	ERROR_RATE      share of answers of / that are 500, from 0 to 1
//	LATENCY         how long / takes: a duration, or a range as "10ms..50ms"
//	START_DELAY     time until it listens
//	READY_DELAY     time from then on until /readyz says yes
//	UNREADY         "true": /readyz never says yes
//	CRASH_AFTER     time until it exits with code 1
//	SHUTDOWN_DELAY  how long it goes on serving after SIGTERM; default 1s
//	PORT            default 9898
//	BIND_ADDRESS    default: all addresses
//
// A tag that contains -bad means ERROR_RATE=1, -slow means LATENCY=1s, and -crash
// means that it exits at once; the variable wins if both are given.
//
// Errors and latencies are spread evenly and not drawn at random: of 1,000
// requests at ERROR_RATE=0.1 exactly 100 fail, so tests can be exact too.
//
// It keeps gates as a load tester does, for the webhooks of canaries:
// /gate/check, /gate/open, /gate/close, the same under /rollback/, /gate/approve
// and /gate/halt.
//
// podinfo's flags are accepted; only --port means something. Called as podcli
// it makes the HTTP and TCP checks of podinfo's exec probes.
package main
