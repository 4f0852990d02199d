package kubelet

import (
	"net/netip"
	"sync/atomic"

	corev1 "k8s.io/api/core/v1"
)

// firstAddress begins the addresses of pods. On Linux a process can listen on every address of 127.0.0.0/8, so that two
// pods can have the same port on this machine, as long as they listen on their own address.
var firstAddress = netip.MustParseAddr("127.64.0.0").As4()

// addresses gives each pod its own address, of 4 million.
type addresses struct{ last atomic.Uint32 }

func (a *addresses) next() string {
	n := a.last.Add(1)
	address := firstAddress
	address[1] += byte(n>>16) & 63
	address[2] = byte(n >> 8)
	address[3] = byte(n)
	return netip.AddrFrom4(address).String()
}

// hostAddress is the node's address, which is only a name here: nothing listens there.
func hostAddress(node *corev1.Node) string {
	for _, a := range node.Status.Addresses {
		if a.Type == corev1.NodeInternalIP {
			return a.Address
		}
	}
	return "127.0.0.1"
}
