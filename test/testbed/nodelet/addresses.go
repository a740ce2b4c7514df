package nodelet

import (
	"fmt"
	"net/netip"
	"sync"
)

// reservedAddresses at the start of the range stay free for the testbed itself
// (network address, the namespace's source address, ...).
const reservedAddresses = 10

// addressPool hands out pod IPs. It goes round the whole range before it uses an
// address again: whoever still knows the address of a pod that is gone gets
// a refusal and not another pod's answer.
type addressPool struct {
	mu     sync.Mutex
	prefix netip.Prefix
	next   netip.Addr
	used   map[netip.Addr]bool
}

func newAddressPool(prefix netip.Prefix) *addressPool {
	p := &addressPool{prefix: prefix.Masked(), used: map[netip.Addr]bool{}}
	p.next = p.first()
	return p
}

func (p *addressPool) first() netip.Addr {
	a := p.prefix.Addr()
	for range reservedAddresses {
		a = a.Next()
	}
	return a
}

// take returns wanted if it is of the range and free (a pod that outlived
// a nodelet keeps its address), else the next free address.
func (p *addressPool) take(wanted string) (netip.Addr, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if a, err := netip.ParseAddr(wanted); err == nil && p.prefix.Contains(a) && !p.used[a] {
		p.used[a] = true
		return a, nil
	}
	start := p.next
	for {
		a := p.next
		p.next = a.Next()
		// The last address of the range is its broadcast address.
		if !p.prefix.Contains(p.next) || !p.prefix.Contains(p.next.Next()) {
			p.next = p.first()
		}
		if p.prefix.Contains(a) && !p.used[a] {
			p.used[a] = true
			return a, nil
		}
		if p.next == start {
			return netip.Addr{}, fmt.Errorf("no free pod IP in %v: %d are taken; use a larger PodCIDR or fewer pods", p.prefix, len(p.used))
		}
	}
}

func (p *addressPool) release(a netip.Addr) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.used, a)
}
