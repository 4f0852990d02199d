// Package loopback finds ports on this machine.
package loopback

import (
	"errors"
	"fmt"
	"net"
)

// FreePorts finds TCP ports that are free, all different. The programs that get them bind them a moment later: if
// another process takes one meanwhile, its program fails and its log says so.
func FreePorts(ports ...*int) (err error) {
	for _, port := range ports {
		l, listenErr := net.Listen("tcp", "127.0.0.1:0")
		if listenErr != nil {
			return fmt.Errorf("find a free port: %w", listenErr)
		}
		*port = l.Addr().(*net.TCPAddr).Port
		defer func() { err = errors.Join(err, l.Close()) }() // held until all are chosen
	}
	return nil
}
