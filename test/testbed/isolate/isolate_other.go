//go:build !linux

package isolate

import (
	"fmt"
	"runtime"
)

// Enter always refuses: network and pid namespaces are a Linux feature.
func Enter(Options) (*Session, error) {
	return nil, fmt.Errorf("%w: they need Linux, this is %s", ErrRefused, runtime.GOOS)
}
