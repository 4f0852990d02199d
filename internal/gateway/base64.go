package gateway

import (
	"encoding/base64"
	"encoding/binary"
	"slices"
)

// pairs are the characters for 12 bits of data, the first one in the lower byte.
var pairs = func() (list [1 << 12]uint16) {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
	for i := range list {
		list[i] = uint16(alphabet[i>>6]) | uint16(alphabet[i&63])<<8
	}
	return list
}()

// appendBase64 appends data as base64.StdEncoding does, in half the time: a look-up for two characters, six bytes at
// once.
func appendBase64(to, data []byte) []byte {
	size := base64.StdEncoding.EncodedLen(len(data))
	to = slices.Grow(to, size)
	out := to[len(to) : len(to)+size]
	for len(data) >= 8 {
		v := binary.BigEndian.Uint64(data)
		binary.LittleEndian.PutUint64(out, uint64(pairs[v>>52])|uint64(pairs[v>>40&0xfff])<<16|
			uint64(pairs[v>>28&0xfff])<<32|uint64(pairs[v>>16&0xfff])<<48)
		data, out = data[6:], out[8:]
	}
	base64.StdEncoding.Encode(out, data)
	return to[:len(to)+size]
}
