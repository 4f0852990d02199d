package laketest

import (
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Copy is a store of its own with copies of buckets, by the names of the originals. Their versions keep their ids, as
// in a replica, or get new ones, as in a restored backup, which has no delete markers.
func (f *Fake) Copy(buckets map[string]string, renew bool) *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	to := New(buckets[f.bucket])
	to.Now, to.Page = f.Now, f.Page
	to.puts = f.puts
	for _, path := range slices.Sorted(maps.Keys(f.objects)) {
		bucket, key, _ := strings.Cut(path, "/")
		name, wanted := buckets[bucket]
		for _, v := range f.objects[path] {
			if !wanted || renew && v.deleted {
				continue
			}
			if v.Bucket = name; renew {
				to.puts++
				v.VersionID = fmt.Sprint("w", to.puts)
			}
			to.objects[name+"/"+key] = append(to.objects[name+"/"+key], v)
		}
	}
	return to
}
