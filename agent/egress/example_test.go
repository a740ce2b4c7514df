package egress_test

import (
	"fmt"
	"net/netip"

	"github.com/kubectl-canary/kubectl-canary/agent/egress"
)

func ExampleGuard_Check() {
	guard := egress.New(egress.Options{
		Deny: []netip.AddrPort{netip.MustParseAddrPort("10.96.0.1:0")},
	})
	for _, target := range []string{"10.244.0.7:9090", "169.254.169.254:80", "10.96.0.1:443"} {
		fmt.Println(guard.Check(netip.MustParseAddrPort(target)) == nil)
	}
	// Output:
	// true
	// false
	// false
}

func ExampleFirstLine() {
	fmt.Println(egress.FirstLine("\ndenied \x1b[31mby policy\nsecond line"))
	// Output:
	// denied \x1b[31mby policy
}
