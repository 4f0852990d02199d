package runner

import (
	"crypto/subtle"
	"net"
	"net/http"
	"strings"
)

// fromPrograms refuses what a web page sends: every port of loopback is open to pages in a browser. No program sends
// these headers and every browser does; a name that is led to loopback (DNS rebinding) shows in Host.
func fromPrograms(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host, _, err := net.SplitHostPort(r.Host)
		if err != nil || host != "127.0.0.1" || r.Header.Get("Origin") != "" || r.Header.Get("Sec-Fetch-Site") != "" {
			http.Error(w, "requests of web pages are refused", http.StatusForbidden)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// withToken refuses requests without the token: they would run code.
func withToken(token string, next http.Handler) http.Handler {
	return fromPrograms(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		shown, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if subtle.ConstantTimeCompare([]byte(shown), []byte(token)) != 1 {
			answerError(w, http.StatusForbidden, "AccessDeniedException", "only the emulator may invoke functions here")
			return
		}
		next.ServeHTTP(w, r)
	}))
}
