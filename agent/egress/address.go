package egress

import (
	"fmt"
	"net/netip"
	"slices"
)

// BlockedError says that a request was stopped because of the address it would have gone to.
type BlockedError struct {
	// Addr is the address after name resolution.
	Addr netip.Addr
	// Reason is what kind of address it is.
	Reason string
}

func (e *BlockedError) Error() string {
	return fmt.Sprintf("connection to %s refused by the agent: %s; start the agent with an allowed network that contains it if this is intended",
		e.Addr, e.Reason)
}

// metadataServices are the addresses where clouds hand out credentials of the machine, as far as
// they are not link-local anyway.
var metadataServices = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // AWS, IPv6
	netip.MustParseAddr("fd20:ce::254"),    // Google Cloud, IPv6
	netip.MustParseAddr("100.100.100.200"), // Alibaba Cloud
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("192.0.0.192"),     // Oracle Cloud, classic
}

var (
	thisNetwork = netip.MustParsePrefix("0.0.0.0/8")
	nat64       = netip.MustParsePrefix("64:ff9b::/96")
	sixToFour   = netip.MustParsePrefix("2002::/16")
	compatible  = netip.MustParsePrefix("::/96")
	siteLocal   = netip.MustParsePrefix("fec0::/10")
)

// forbidden says why an address must not be connected to, or "" when it may.
func forbidden(addr netip.Addr) string {
	switch {
	case addr.IsLoopback():
		return "it is a loopback address"
	case addr.IsUnspecified(), thisNetwork.Contains(addr):
		// Linux connects to itself for 0.0.0.0 and ::.
		return "it is an unspecified address"
	case addr.IsLinkLocalUnicast():
		return "it is a link-local address"
	case addr.IsMulticast():
		return "it is a multicast address"
	case siteLocal.Contains(addr):
		return "it is a site-local address"
	}
	if slices.Contains(metadataServices, addr) {
		return "it is a cloud's metadata service"
	}
	return ""
}

// embedded returns the IPv4 address that an IPv6 address stands for, since a translator on the
// way would connect to that one.
func embedded(addr netip.Addr) (netip.Addr, bool) {
	if !addr.Is6() {
		return netip.Addr{}, false
	}
	b := addr.As16()
	switch {
	case nat64.Contains(addr), compatible.Contains(addr) && !addr.IsLoopback() && !addr.IsUnspecified():
		return netip.AddrFrom4([4]byte(b[12:16])), true
	case sixToFour.Contains(addr):
		return netip.AddrFrom4([4]byte(b[2:6])), true
	}
	return netip.Addr{}, false
}

// plain removes what makes two spellings of one address differ.
func plain(addr netip.Addr) netip.Addr {
	return addr.Unmap().WithZone("")
}

// APIServer returns where pods reach the API server, from the environment that the kubelet sets,
// and nil outside of a cluster. It does not know the addresses behind the Service; add those with
// Guard.DenyAlso.
func APIServer(getenv func(string) string) []netip.AddrPort {
	addr, err := netip.ParseAddr(getenv("KUBERNETES_SERVICE_HOST"))
	if err != nil {
		return nil
	}
	// Port 0, any port: the Service's address belongs to the API server alone.
	return []netip.AddrPort{netip.AddrPortFrom(addr, 0)}
}
