package configs

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"github.com/kubectl-canary/kubectl-canary/api/v1beta1"
)

const (
	// digestBytes of a hash make a digest: 16 hexadecimal characters.
	digestBytes = 8
	// fingerprintBytes make a fingerprint: 10 characters, as long as a pod-template-hash.
	fingerprintBytes = 5
	// optOut begins the value of the annotation that excludes an object.
	optOut = "disable"
)

// secretTypes are the types of Secrets that users write. The others, such as the tokens of
// service accounts, belong to machines that renew them at will.
var secretTypes = []string{"", "Opaque", "kubernetes.io/basic-auth", "kubernetes.io/ssh-auth", "kubernetes.io/tls"}

// Tracked says whether a live ConfigMap or Secret takes part: whether a change of it is a new
// revision, and the primary has a copy of it. One with the annotation flagger.app/config-tracking
// and a value that begins with "disable" does not, nor do Secrets of a type that users do not
// write, nor what does not exist.
func Tracked(live *unstructured.Unstructured) bool {
	if live == nil || strings.HasPrefix(live.GetAnnotations()[v1beta1.ConfigTrackingAnnotation], optOut) {
		return false
	}
	switch live.GetKind() {
	case "ConfigMap":
		return true
	case "Secret":
		return slices.Contains(secretTypes, secretType(live))
	default:
		return false
	}
}

// Digest tells the content of a live ConfigMap or Secret: 16 hexadecimal characters that depend
// on nothing but the keys and values of data and binaryData. One without content has a digest too.
//
// Without binaryData it is the value that Flagger writes into status.trackedConfigs, so that
// taking over a Canary neither hides a change nor makes one up.
func Digest(live *unstructured.Unstructured) string {
	data, binary := texts(live, "data"), texts(live, "binaryData")
	if live != nil && live.GetKind() == "Secret" {
		canonicalBase64(data)
	}
	canonicalBase64(binary)
	var content any = data
	if len(binary) > 0 {
		// Its values are objects, so it is never the data of another config.
		content = map[string]map[string]string{"binaryData": binary, "data": data}
	}
	return hash(content, digestBytes)
}

// Fingerprint tells the content of all tracked configs of a workload, given as
// status.trackedConfigs has them: key (see Ref.Key) to digest. It is empty when there are none.
func Fingerprint(tracked map[string]string) string {
	if len(tracked) == 0 {
		return ""
	}
	return hash(tracked, fingerprintBytes)
}

// Changed lists the keys whose digest differs between two sets of tracked configs, or that only
// one of them has, sorted.
func Changed(before, after map[string]string) []string {
	keys := map[string]bool{}
	for key, digest := range before {
		if now, ok := after[key]; !ok || now != digest {
			keys[key] = true
		}
	}
	for key := range after {
		if _, ok := before[key]; !ok {
			keys[key] = true
		}
	}
	return slices.Sorted(maps.Keys(keys))
}

// hash is that of the JSON form, in which encoding/json sorts the keys of maps.
func hash(content any, size int) string {
	text, err := json.Marshal(content)
	if err != nil {
		panic("maps of strings have a JSON form: " + err.Error())
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:size])
}

// texts reads a field that maps keys to texts, leaving out what is none. It is nil without any,
// whether the field is absent or empty: storage makes no difference between the two.
//
// The accessors of unstructured are not used for content: their errors quote it.
func texts(live *unstructured.Unstructured, field string) map[string]string {
	if live == nil {
		return nil
	}
	values, _ := live.Object[field].(map[string]any)
	var out map[string]string
	for key, value := range values {
		if text, ok := value.(string); ok {
			if out == nil {
				out = map[string]string{}
			}
			out[key] = text
		}
	}
	return out
}

// canonicalBase64 gives the values the one encoding that has no line breaks. What cannot be
// decoded stays as it is.
func canonicalBase64(values map[string]string) {
	for key, text := range values {
		if content, err := base64.StdEncoding.DecodeString(text); err == nil {
			values[key] = base64.StdEncoding.EncodeToString(content)
		}
	}
}

func secretType(live *unstructured.Unstructured) string {
	text, _ := live.Object["type"].(string)
	return text
}
