package sample

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"strconv"
)

// badEvent is a way in which an event violates its schema.
type badEvent int

const (
	goodEvent     badEvent = iota
	wordForNumber          // a string where a number belongs
	missingID              // no value where one is required
	listForObject          // an array where an object belongs
	brokenName             // bytes that are not UTF-8
	unclosed               // the line ends in the middle of a value
	impossibleDay          // a day that does not exist
	unknownType            // a value that the schema's enum lacks
	badEventKinds          // their number, with goodEvent
)

// Parts of events, escaped as in JSON.
var (
	adjectives = []string{"amber", "brisk", "calm", "dusty", "early", "faint", "grand", "hazy"}
	nouns      = []string{"otter", "maple", "comet", "harbor", "lantern", "quartz", "ridge", "willow"}
	languages  = []string{`"Go"`, `"Rust"`, `"C++"`, `"TypeScript"`, `null`}
	branches   = []string{"main", "develop", "release\\/2.4", "fix\\/quoted-fields", "feature\\/\\u00fcmlaut"}
	messages   = []string{
		`Fix the build`, `Handle \"empty\" input\n\nAn empty file is no error.`, `Read C:\\temp\\in.csv too`,
		`Caf\u00e9 menu \ud83d\ude80`, `日本語の説明を追加`, `Merge pull request #17 from a\/b`, `Tabs\tand\r\nCRLF`,
		`Use {\"json\": [1, 2.5e3, null]} in the example`, `Naïve façade`, `Bump version to 2.4.1`,
		`\u0022escaped\u0022 quotes`,
	}
)

// Events writes one JSON object per line that fits schemas/events.json: nested objects, arrays of commits, escapes,
// non-ASCII text. A day holds about 200,000 rows, 150 MB. The errors are those of o and of w.
func Events(w io.Writer, o Options) (Stats, error) {
	if err := o.validate(); err != nil {
		return Stats{}, err
	}
	c := newChance(o.Seed, 2)
	clock := newClock(o.Start)
	e := events{chance: c, clock: clock, id: 40_000_000_000}
	e.days.midnight = clock.midnight
	return write(w, o, c, "", e.append)
}

type events struct {
	*chance
	clock clock
	days  calendar
	id    int64 // of the last event
}

func (e *events) append(b []byte, isBad bool) []byte {
	bad := goodEvent
	if isBad {
		bad = badEvent(e.between(1, int64(badEventKinds)-1))
	}
	start := len(b)
	e.id += e.between(1, 40)
	kind := &kinds[e.below(uint64(len(kinds)))]
	b = append(b, '{')
	if bad != missingID {
		b = append(strconv.AppendInt(append(b, `"id":"`...), e.id, 10), `",`...)
	}
	b = append(b, `"type":"`...)
	if bad == unknownType {
		b = append(b, "Unknown"...)
	}
	b = append(append(b, kind.name...), `","actor":`...)
	b = e.appendActor(b, bad)
	b = append(b, `,"repo":`...)
	b = e.appendRepo(b, bad)
	if b = append(b, `,"payload":`...); bad == listForObject {
		b = append(b, `["opened",1]`...)
	} else {
		b = append(kind.payload(e, append(b, '{')), '}')
	}
	b = append(b, `,"public":`...)
	b = append(strconv.AppendBool(b, !e.percent(3)), `,"created_at":"`...)
	if bad == impossibleDay {
		b = append(b, `2026-02-30T10:00:00Z"`...)
	} else {
		b = append(e.days.append(b, e.clock.now, 'T'), `Z"`...)
	}
	if e.percent(30) {
		b = strconv.AppendInt(append(b, `,"org":{"id":`...), e.between(1, 5000), 10)
		b = append(append(append(b, `,"login":"`...), pick(e.chance, nouns)...), `-labs","gravatar_id":""}`...)
	}
	if e.percent(40) {
		e.clock.now++
	}
	if bad == unclosed { // no proper prefix of an object is a valid value
		b = b[:start+(len(b)-start)/2]
	} else {
		b = append(b, '}')
	}
	return append(b, '\n')
}

func (e *events) appendActor(b []byte, bad badEvent) []byte {
	id := e.between(1, 200_000)
	if b = append(b, `{"id":`...); bad == wordForNumber {
		b = append(b, `"unknown"`...)
	} else {
		b = strconv.AppendInt(b, id, 10)
	}
	b = appendLogin(append(b, `,"login":"`...), id)
	b = appendLogin(append(b, `","display_login":"`...), id)
	b = appendLogin(append(b, `","gravatar_id":"","url":"https://code.example/users/`...), id)
	return append(b, `"}`...)
}

func (e *events) appendRepo(b []byte, bad badEvent) []byte {
	id := e.between(1, 500_000)
	b = strconv.AppendInt(append(b, `{"id":`...), id, 10)
	b = append(b, `,"name":"`...)
	if bad == brokenName {
		b = append(b, "\xc3\x28\xff"...)
	}
	b = appendRepoName(b, id)
	b = appendRepoName(append(b, `","url":"https://code.example/repos/`...), id)
	return append(b, `"}`...)
}

// appendLogin renders the name of an account, the same for each appearance of its id.
func appendLogin(b []byte, id int64) []byte {
	b = append(append(b, adjectives[id%8]...), '-')
	return strconv.AppendInt(append(b, nouns[id/8%8]...), id/64, 10)
}

func appendRepoName(b []byte, id int64) []byte {
	b = append(appendLogin(b, id/3), '/')
	return append(append(append(b, nouns[id%8]...), '-'), adjectives[id/8%8]...)
}

// kinds of events, with what their payload holds between its braces.
var kinds = []struct {
	name    string
	payload func(e *events, b []byte) []byte
}{
	{"PushEvent", (*events).appendPush},
	{"PushEvent", (*events).appendPush},
	{"PullRequestEvent", (*events).appendPullRequest},
	{"IssueCommentEvent", (*events).appendComment},
	{"IssuesEvent", (*events).appendComment},
	{"CreateEvent", (*events).appendCreate},
	{"WatchEvent", func(_ *events, b []byte) []byte { return append(b, `"action":"started"`...) }},
}

func (e *events) appendPush(b []byte) []byte {
	commits := e.between(1, 4)
	b = strconv.AppendInt(append(b, `"push_id":`...), e.id*3, 10)
	b = strconv.AppendInt(append(b, `,"size":`...), commits, 10)
	b = append(append(b, `,"ref":"refs\/heads\/`...), pick(e.chance, branches)...)
	b = e.appendHash(append(b, `","head":"`...))
	b = append(b, `","commits":[`...)
	for i := range commits {
		if i > 0 {
			b = append(b, ',')
		}
		author := e.between(1, 200_000)
		b = e.appendHash(append(b, `{"sha":"`...))
		b = appendLogin(append(b, `","author":{"name":"`...), author)
		b = appendLogin(append(b, `","email":"`...), author)
		b = append(append(b, `@mail.example"},"message":"`...), pick(e.chance, messages)...)
		b = append(strconv.AppendBool(append(b, `","distinct":`...), e.percent(90)), '}')
	}
	return append(b, ']')
}

func (e *events) appendPullRequest(b []byte) []byte {
	number := e.between(1, 9000)
	b = strconv.AppendInt(append(b, `"action":"opened","number":`...), number, 10)
	b = append(append(b, `,"pull_request":{"title":"`...), pick(e.chance, messages)...)
	b = append(append(b, `","body":"`...), pick(e.chance, messages)...)
	b = append(append(b, `\n\n`...), pick(e.chance, messages)...)
	b = append(append(b, `","base":{"ref":"`...), pick(e.chance, branches)...)
	b = append(append(b, `","language":`...), pick(e.chance, languages)...)
	b = append(b, `},"labels":[],"milestone":null,"score":`...)
	b = append(strconv.AppendInt(b, e.between(-9, 99), 10), '.')
	return append(strconv.AppendInt(b, e.between(0, 999), 10), "e-2}"...)
}

func (e *events) appendComment(b []byte) []byte {
	b = strconv.AppendInt(append(b, `"action":"created","issue":{"number":`...), e.between(1, 9000), 10)
	b = append(append(b, `,"title":"`...), pick(e.chance, messages)...)
	b = append(b, `","labels":[{"name":"bug"},{"name":"good first issue"}]},"comment":{"body":"`...)
	for range e.between(1, 5) {
		b = append(append(b, pick(e.chance, messages)...), `\n`...)
	}
	return append(b, `"}`...)
}

func (e *events) appendCreate(b []byte) []byte {
	b = append(append(b, `"ref":"`...), pick(e.chance, branches)...)
	return append(b, `","ref_type":"branch","master_branch":"main","description":null,"pusher_type":"user"`...)
}

// appendHash renders 20 bytes in hexadecimal, as a commit's name.
func (e *events) appendHash(b []byte) []byte {
	var hash [24]byte
	for i := 0; i < len(hash); i += 8 {
		binary.BigEndian.PutUint64(hash[i:], e.pcg.Uint64())
	}
	return hex.AppendEncode(b, hash[:20])
}
