package manifest

import (
	"strings"

	"k8s.io/apimachinery/pkg/util/version"
)

// Retag gives an image the tag of another version, where its tag is a version. An image by digest,
// without a tag, or with a tag of another kind stays what it is: ok is false then.
func Retag(image, to string) (retagged string, ok bool) {
	i := strings.LastIndexByte(image, ':')
	if i <= strings.LastIndexByte(image, '/') || strings.Contains(image, "@") {
		return image, false
	}
	tag := image[i+1:]
	if _, err := version.ParseSemantic(tag); err != nil {
		return image, false
	}
	target, err := version.ParseSemantic(to)
	if err != nil || target.BuildMetadata() != "" {
		return image, false
	}
	to = strings.TrimPrefix(to, "v")
	if strings.HasPrefix(tag, "v") {
		to = "v" + to
	}
	return image[:i+1] + to, true
}

// Older says whether a version is older than another; comparable is false when one of them is no
// semantic version, such as "dev".
func Older(a, than string) (older, comparable bool) {
	left, err := version.ParseSemantic(a)
	if err != nil {
		return false, false
	}
	right, err := version.ParseSemantic(than)
	if err != nil {
		return false, false
	}
	return left.LessThan(right), true
}
