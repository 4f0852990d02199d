package gateway

import (
	"mime"
	"net/http"
	"strings"
)

// media is how a body is written.
type media struct {
	array  bool   // a JSON array; otherwise one JSON object a line
	coding string // "", gzip or zstd
}

// The media types of bodies.
const (
	typeNDJSON = "application/x-ndjson"
	typeJSON   = "application/json"
)

// mediaOf reads the headers of a request, without its body.
func mediaOf(h http.Header, length int64, l Limits) (media, *Problem) {
	var m media
	kind, parameters, err := contentType(h.Get("Content-Type"))
	charset, named := parameters["charset"]
	switch {
	case err != nil || kind != typeNDJSON && kind != typeJSON:
		return m, problem(http.StatusUnsupportedMediaType, "Content-Type is %.100q: want %s or %s",
			h.Get("Content-Type"), typeNDJSON, typeJSON).with("Accept", typeNDJSON+", "+typeJSON)
	case named && !strings.EqualFold(charset, "utf-8"):
		return m, problem(http.StatusUnsupportedMediaType, "charset is %.100q: want utf-8", charset)
	}
	m.array = kind == typeJSON
	switch coding := strings.ToLower(strings.Join(h["Content-Encoding"], ",")); coding {
	case "", "identity":
	case "gzip", "zstd":
		m.coding = coding
	default:
		return m, problem(http.StatusUnsupportedMediaType, "Content-Encoding is %.100q: want gzip or zstd", coding).
			with("Accept-Encoding", "gzip, zstd")
	}
	if length > l.Body {
		return m, tooLarge(l)
	}
	return m, nil
}

// contentType reads a header's media type, those of the API without parsing them.
func contentType(header string) (kind string, parameters map[string]string, err error) {
	if header == typeNDJSON || header == typeJSON {
		return header, nil, nil
	}
	return mime.ParseMediaType(header)
}

func tooLarge(l Limits) *Problem {
	return problem(http.StatusRequestEntityTooLarge, "the body has more than %d bytes: send fewer records in a request",
		l.Body)
}
