// Package authn identifies the bearers of tokens of `aws eks get-token` for an API server, as EKS does: by the
// cluster's access entries. The emulator stands in for AWS.
package authn

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	authv1 "k8s.io/api/authentication/v1"

	"dip/tools/lab/awsapi"
	"dip/tools/lab/pki"
)

// Options of Start.
type Options struct {
	// Cluster is the cluster's name in EKS; "" as long as there is none.
	Cluster func(context.Context) (string, error)
	// AWS knows the owners of access keys and the cluster's access entries.
	AWS awsapi.Client
}

// Server answers TokenReviews.
type Server struct {
	// URL is its address, CA the certificate, PEM, of the authority that signed its own.
	URL string
	CA  []byte

	options Options
	http    *http.Server
	done    chan error
}

// Start listens on loopback until Stop.
func Start(o Options) (*Server, error) {
	authority, err := pki.NewAuthority("lab authentication")
	if err != nil {
		return nil, err
	}
	shown, err := authority.Server("authentication", "127.0.0.1")
	if err != nil {
		return nil, err
	}
	certificate, err := tls.X509KeyPair(shown.Cert, shown.Key)
	if err != nil {
		return nil, fmt.Errorf("use the authentication server's certificate: %w", err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("start the authentication server: %w", err)
	}
	s := &Server{URL: "https://" + l.Addr().String(), CA: authority.Cert, options: o, done: make(chan error, 1)}
	s.http = &http.Server{
		Handler: http.HandlerFunc(s.serve), ReadHeaderTimeout: 10 * time.Second,
		TLSConfig: &tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12},
	}
	go func() { s.done <- s.http.ServeTLS(l, "", "") }()
	return s, nil
}

// Stop ends the server. It may be called once.
func (s *Server) Stop() error {
	err := s.http.Close()
	if ended := <-s.done; !errors.Is(ended, http.ErrServerClosed) {
		err = errors.Join(err, ended)
	}
	return err
}

// reviewBytes is far beyond the size of a review with the longest token.
const reviewBytes = 64 << 10

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	var review authv1.TokenReview
	if err := json.NewDecoder(io.LimitReader(r.Body, reviewBytes)).Decode(&review); err != nil {
		http.Error(w, "no TokenReview: "+err.Error(), http.StatusBadRequest)
		return
	}
	user, err := s.identify(r.Context(), review.Spec.Token)
	review.Spec = authv1.TokenReviewSpec{} // the token is not sent back
	review.Status = authv1.TokenReviewStatus{Authenticated: err == nil, User: user}
	if err != nil {
		review.Status.Error = err.Error()
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(review); err != nil {
		return // the API server is gone
	}
}

// identify returns the bearer of a token. The error says why it is unknown.
func (s *Server) identify(ctx context.Context, text string) (authv1.UserInfo, error) {
	nobody := authv1.UserInfo{}
	token, err := ParseToken(text)
	if err == nil {
		err = token.CheckAge(time.Now())
	}
	if err != nil {
		return nobody, err
	}
	cluster, err := s.options.Cluster(ctx)
	if err != nil || cluster == "" {
		return nobody, errors.Join(errors.New("there is no cluster"), err)
	}
	d := directory{aws: s.options.AWS, cluster: cluster}
	caller, err := d.caller(ctx, token)
	if err != nil {
		return nobody, fmt.Errorf("identify the signer of a token: %w", err)
	}
	principal, session := principalOf(caller)
	access, ok, err := d.access(ctx, principal)
	switch {
	case err != nil:
		return nobody, fmt.Errorf("read the access entry of %s: %w", principal, err)
	case !ok:
		return nobody, fmt.Errorf("cluster %s has no access entry for %s", cluster, principal)
	}
	return access.user(caller, session)
}
