// Package awsproxy routes programs whose SDK has no setting for an endpoint to the emulator: an HTTPS proxy that
// terminates TLS for AWS's names with its own certificates. Nothing leaves the machine: it refuses all other names.
//
//	HTTPS_PROXY=http://127.0.0.1:PORT AWS_CA_BUNDLE=ca.pem
package awsproxy

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"strings"
	"sync"
	"time"

	"dip/tools/lab/pki"
)

// suffix of all names that are routed to the emulator.
const suffix = ".amazonaws.com"

// requestLimit bounds a client's request and the emulator's answer.
const requestLimit = time.Minute

// Proxy is a running proxy.
type Proxy struct {
	// Address is host:port on loopback.
	Address string
	// CAFile holds the certificate, PEM, that a client has to trust.
	CAFile string

	emulator  *url.URL
	authority *pki.Authority
	listener  net.Listener
	work      sync.WaitGroup
	end       context.CancelFunc

	mu           sync.Mutex
	certificates map[string]*tls.Certificate // by host
}

// Start listens on a free port until Stop. emulator is the emulator's URL; caFile is written.
func Start(emulator, caFile string) (*Proxy, error) {
	target, err := url.Parse(emulator)
	if err != nil {
		return nil, fmt.Errorf("start the AWS proxy: %w", err)
	}
	authority, err := pki.NewAuthority("lab AWS proxy")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(caFile, authority.Cert, 0o644); err != nil {
		return nil, fmt.Errorf("start the AWS proxy: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the AWS proxy: %w", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	p := &Proxy{
		Address: l.Addr().String(), CAFile: caFile, emulator: target, authority: authority, listener: l, end: cancel,
		certificates: map[string]*tls.Certificate{},
	}
	p.work.Go(func() { p.accept(ctx) })
	return p, nil
}

// Environment lists the variables by which a program finds the proxy.
func (p *Proxy) Environment() []string {
	return []string{"HTTPS_PROXY=http://" + p.Address, "AWS_CA_BUNDLE=" + p.CAFile}
}

// Stop ends the proxy and its connections. It may be called once.
func (p *Proxy) Stop() error {
	p.end()
	err := p.listener.Close()
	p.work.Wait()
	return err
}

func (p *Proxy) accept(ctx context.Context) {
	for {
		c, err := p.listener.Accept()
		if err != nil {
			return // stopped
		}
		p.work.Go(func() {
			stop := context.AfterFunc(ctx, func() { _ = c.Close() }) // unblocks readers
			defer stop()
			defer func() { _ = c.Close() }() // the client is gone: an error has no recipient
			p.serve(ctx, c)
		})
	}
}

// serve serves one connection until its client or the proxy closes it.
func (p *Proxy) serve(ctx context.Context, c net.Conn) {
	if c.SetReadDeadline(time.Now().Add(requestLimit)) != nil {
		return
	}
	request, err := http.ReadRequest(bufio.NewReader(c))
	if err != nil {
		return
	}
	host, _, err := net.SplitHostPort(request.Host)
	if err != nil || request.Method != http.MethodConnect || !strings.HasSuffix(host, suffix) {
		_, _ = io.WriteString(c, "HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	certificate, err := p.certificate(host)
	if err != nil {
		_, _ = io.WriteString(c, "HTTP/1.1 502 Bad Gateway\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
		return
	}
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\n\r\n"); err != nil {
		return
	}
	inner := tls.Server(c, &tls.Config{Certificates: []tls.Certificate{*certificate}, NextProtos: []string{"http/1.1"},
		MinVersion: tls.VersionTLS12})
	requests := bufio.NewReader(inner)
	for c.SetReadDeadline(time.Time{}) == nil && p.forward(ctx, host, requests, inner) == nil {
	}
}

// forward passes one request to the emulator, which recognizes the service by signature and name.
func (p *Proxy) forward(ctx context.Context, host string, requests *bufio.Reader, answers io.Writer) error {
	request, err := http.ReadRequest(requests)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, requestLimit)
	defer cancel()
	request = request.WithContext(ctx)
	request.URL.Scheme, request.URL.Host, request.Host, request.RequestURI = p.emulator.Scheme, p.emulator.Host, host, ""
	answer, err := http.DefaultTransport.RoundTrip(request)
	if err != nil {
		text := err.Error()
		answer = &http.Response{
			StatusCode: http.StatusBadGateway, ProtoMajor: 1, ProtoMinor: 1, ContentLength: int64(len(text)),
			Body: io.NopCloser(strings.NewReader(text)),
		}
	}
	return errors.Join(answer.Write(answers), answer.Body.Close())
}

func (p *Proxy) certificate(host string) (*tls.Certificate, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if c, ok := p.certificates[host]; ok {
		return c, nil
	}
	pair, err := p.authority.Server(host, host)
	if err != nil {
		return nil, err
	}
	c, err := tls.X509KeyPair(pair.Cert, pair.Key)
	if err != nil {
		return nil, fmt.Errorf("use the certificate of %s: %w", host, err)
	}
	p.certificates[host] = &c
	return &c, nil
}
