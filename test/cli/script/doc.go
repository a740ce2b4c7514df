// Package script lets scripts of testscript run kubectl canary in the test cluster.
//
// # What a script finds
//
// The plugin is on the PATH as kubectl finds it (kubectl-canary, kubectl_complete-canary), beside a real
// kubectl. KUBECONFIG is an administrator's; its context is "test", its namespace is the script's own,
// $NS, which ends with the script. HOME is $WORK, and $ROOT is the checkout.
//
// # Commands
//
//	app [-name NAME] [-version V] [-labels k=v,…] [-nowait] [PATCH.yaml]
//	    makes Deployment and Canary NAME (default app, version 1), and waits until it is initialized.
//	    The container is called web.
//	    The canary has provider gatewayapi:v1, an interval of 1s, stepWeights 20, 40, 60 and no
//	    metrics; PATCH.yaml is merged into its spec.
//	release [-name NAME] VERSION
//	    sets the image of the target, as kubectl set image would. Versions with -bad in them answer
//	    500, with -crash crash, with -unready never become ready.
//	await [-name NAME] PATH=VALUE
//	    waits until a field of the canary has a value, such as status.phase=Progressing or
//	    status.canaryWeight=20.
//	load [-name NAME]
//	    sends requests through the proxy until the script ends.
//	user NAME [ROLE…]
//	    makes a user and writes $WORK/NAME.kubeconfig for it. ROLE is a ClusterRole that is bound in the
//	    script's namespace, or cluster:ROLE, bound in all.
//	established
//	    waits until the API server serves canaries, after CRDs were applied.
//	server stop|start
//	    kills the API server, and starts it again; for scripts that run alone, in bare.
//	code N PROGRAM ARG…
//	    is exec that wants exit code N.
//	norm stdout|stderr
//	    makes what the last command wrote the same in every run, for cmp stdout FILE: times become
//	    TIME, durations DUR, revisions rs:HASH, names of pods POD, runs RUN, the namespace NS, ids ID, and
//	    columns are two spaces apart.
//	example [-any-order] [-but PATTERN] FILE
//	    runs the lines of FILE that begin with "$ " and compares what they print, stderr included,
//	    normalised on both sides. FILE is called example.console; docs/commands shows it. The
//	    namespace shop in it stands for the script's own. With -any-order the lines may come in
//	    another order, as they do where two watches are shown; with -but, lines that match are not
//	    compared, such as words about a state that may be over before it is seen.
package script
