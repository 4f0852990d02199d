package contract

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
)

// Object identifies one version of an object in the landing bucket.
type Object struct {
	Bucket    string `json:"bucket"`
	Key       string `json:"key"` // as stored, not URL-encoded
	VersionID string `json:"versionId"`
	Size      int64  `json:"size"` // bytes as stored
	ETag      string `json:"etag,omitempty"`
}

// LoadID is the identity of a load: 32 hex digits of a hash over bucket, key and version. The same object version
// always gives the same load, so a repeated event joins the load that exists.
func LoadID(o Object) string {
	h := sha256.New()
	for _, s := range []string{o.Bucket, o.Key, o.VersionID} {
		fmt.Fprintf(h, "%d:%s", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil)[:16])
}

// FolderMarker reports whether an object is what consoles make of "create folder": it is empty and not a load.
func FolderMarker(o Object) bool { return o.Size == 0 && strings.HasSuffix(o.Key, "/") }

// SegmentOf is the segment that a landing key belongs to: the part before the first slash; "" when there is none.
func SegmentOf(key string) string {
	segment, rest, ok := strings.Cut(key, "/")
	if !ok || rest == "" {
		return ""
	}
	return segment
}

// LandingKey is the key under which a file named name lands for a segment.
func LandingKey(segment, name string) string { return segment + "/" + name }

// Prefixes of the lake bucket.
const (
	DataPrefix        = "data/"         // Parquet
	QuarantinePrefix  = "quarantine/"   // rejected records, one JSON object per line, gzip
	CertificatePrefix = "certificates/" // one JSON file a load, and its envelope
	ManifestPrefix    = "manifests/"    // one list of Parquet URIs a load: what is published
	CatalogPrefix     = "catalog/"      // segment catalogs, named by their content
	StagingPrefix     = "staging/"      // restaged inputs, a few days
	ArchivePrefix     = "archive/"      // raw records of streams, as the witness saw them
	CoverPrefix       = "covers/"       // what acknowledgements of streams cover, and closed intervals
	// batches of streams that Lambda has set aside, which names them itself; what is in them is in the archive too
	SetAsidePrefix = "aws/lambda/"
)

// DataKey is where a chunk's rows of one partition go. partition is a Hive-style path such as
// "pickup_at_day=2026-01-31". The key carries the position at which the chunk began to read, so that the output of a
// wrong guess never takes the place of the right one, and the beginning of the content's hash: what one version of the
// code wrote before it died must not stand in the way of another version that writes the same rows as other bytes.
func DataKey(segment, partition, load string, chunk int, start int64, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/%s-%05d-%d-%.12s.parquet", DataPrefix, segment, partition, load, chunk, start, sha256Hex)
}

// QuarantineKey is where a chunk's rejected records go; see DataKey.
func QuarantineKey(segment, load string, chunk int, start int64, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/%05d-%d-%.12s.ndjson%s", QuarantinePrefix, segment, load, chunk, start, sha256Hex,
		QuarantineSuffix)
}

// QuarantineSuffix ends the keys of quarantines since they are compressed. Older ones do not have it.
const QuarantineSuffix = ".gz"

// StagingKey is where a piece of a restaged input goes: the content from start on, in order of the chunks.
func StagingKey(segment, load string, chunk int, start int64, sha256Hex string) string {
	return fmt.Sprintf("%s%s/%s/%05d-%d-%.12s", StagingPrefix, segment, load, chunk, start, sha256Hex)
}

// CertificateKey is where a load's certificate goes.
func CertificateKey(segment, load string) string {
	return CertificatePrefix + segment + "/" + load + ".json"
}

// EnvelopeKey is where the signature of a load's certificate goes; see Envelope.
func EnvelopeKey(segment, load string) string { return EnvelopeOf(CertificateKey(segment, load)) }

// EnvelopeOf is where the signature of the certificate with the given key goes.
func EnvelopeOf(certificateKey string) string {
	return strings.TrimSuffix(certificateKey, ".json") + ".dsse.json"
}

// ManifestKey is where a load's list of published objects goes: one s3:// URI a line, the layout that Hive, Spark,
// Athena and Redshift read as a symlink table.
func ManifestKey(segment, load string) string { return ManifestPrefix + segment + "/" + load }

// LoadDatePartition is the partition of segments that are partitioned by the date (YYYY-MM-DD) on which a load began.
func LoadDatePartition(date string) string { return Partition{}.Column() + "=" + date }
