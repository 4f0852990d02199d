package main

import (
	"slices"
	"strings"
)

// camel turns a Terraform name into the Pulumi one: visibility_timeout_seconds
// becomes visibilityTimeoutSeconds.
func camel(s string) string {
	parts := strings.Split(s, "_")
	for i := 1; i < len(parts); i++ {
		if p := parts[i]; p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}

// plain reduces a name of either side to what both agree on: no case, no
// underscores, singular.
func plain(s string) string {
	s = joined(s)
	switch {
	case strings.HasSuffix(s, "ies"):
		return s[:len(s)-3] + "y"
	case hasAnySuffix(s, "sses", "xes", "ches", "shes", "uses"):
		return s[:len(s)-2]
	case strings.HasSuffix(s, "s") && !hasAnySuffix(s, "ss", "us", "is"):
		return s[:len(s)-1]
	}
	return s
}

func hasAnySuffix(s string, suffixes ...string) bool {
	return slices.ContainsFunc(suffixes, func(x string) bool { return strings.HasSuffix(s, x) })
}

// joined is a name without case and underscores.
func joined(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }

// joinedToken reduces a token to what the Terraform type's joined name may be:
// aws:sqs/queue:Queue becomes awssqsqueue.
func joinedToken(tok string) string {
	parts := strings.SplitN(tok, ":", 3)
	if len(parts) != 3 {
		return joined(tok)
	}
	module, _, _ := strings.Cut(parts[1], "/")
	if module == "index" {
		module = ""
	}
	return joined("aws" + module + strings.TrimPrefix(parts[2], "get"))
}

// plainToken is the singular of joinedToken.
func plainToken(tok string) string { return plain(joinedToken(tok)) }

// likeness is the share of letter pairs that two names have in common, 0 to 1.
func likeness(a, b string) float64 {
	return jaccard(pairs(a), pairs(b))
}

func pairs(s string) map[string]bool {
	m := map[string]bool{}
	for i := 0; i+2 <= len(s); i++ {
		m[s[i:i+2]] = true
	}
	return m
}

// jaccard is the size of the intersection over that of the union.
func jaccard(a, b map[string]bool) float64 {
	both := 0
	for k := range a {
		if b[k] {
			both++
		}
	}
	all := len(a) + len(b) - both
	if all == 0 {
		return 0
	}
	return float64(both) / float64(all)
}
