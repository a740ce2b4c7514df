// Package autoscaler knows what scales a target and its primary: the HorizontalPodAutoscaler or
// the ScaledObject of KEDA that spec.autoscalerRef names, and the primary's own copy of it. It
// renders and interprets objects and does no I/O.
//
// Autoscalers are handled as the API server sent them, so that fields newer than this program
// survive. RenderPrimary makes the primary's scaler, for server-side apply; Current says whether
// that has to be written, so that it can be asked whenever the target's scaler changes (gotcha
// B19). Annotations that others put on the primary's scaler stay, for they are not applied by us
// (gotcha B20).
//
// Of the target's scaler, which is the user's, one annotation is written, by merge patch: Pause
// keeps KEDA from starting the idle target again (gotcha A14). A HorizontalPodAutoscaler needs
// no such thing, as it does nothing while its workload has no replicas.
package autoscaler
