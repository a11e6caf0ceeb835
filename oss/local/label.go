package local

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"time"
)

// label is what a file of the store says of itself behind its content.
type label struct {
	Key         string `json:"key"`
	ContentType string `json:"type,omitempty"`
	Size        int64  `json:"size"` // of the content, in bytes
	ETag        string `json:"etag,omitempty"`
	Time        int64  `json:"time"`             // when the file got its name, in Unix milliseconds
	Upload      string `json:"upload,omitempty"` // that the file belongs to or was made of
}

func (l label) modified() time.Time { return time.UnixMilli(l.Time) }

// A label ends with its length, a checksum (CRC-32C) and the name of the format,
// 16 bytes in all, all that is needed to find its beginning from the end of the file.
const (
	footSize = 16
	format   = "parley.1"
	// maxLabel is beyond what a key and a content type make, with each byte of
	// theirs in six.
	maxLabel = 16 << 10
	// commonLabel is what most labels are shorter than, so that one read gets them.
	commonLabel = 1 << 10
)

var (
	castagnoli = crc32.MakeTable(crc32.Castagnoli)
	errLabel   = errors.New("the file is not one of the store or is damaged")
)

// encode returns the label as it stands in the file.
func (l label) encode() ([]byte, error) {
	text, err := json.Marshal(l)
	if err != nil {
		return nil, err
	}
	if len(text)+footSize > maxLabel {
		return nil, fmt.Errorf("the label of a file would have %d bytes", len(text))
	}
	b := binary.BigEndian.AppendUint32(text, uint32(len(text)))
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(text, castagnoli))
	return append(b, format...), nil
}

// decodeLabel reads the label at the end of tail, which is the end of a file of
// size bytes. When the label begins before tail it returns how long it is, and
// nothing else.
func decodeLabel(tail []byte, size int64) (l label, need int, err error) {
	if len(tail) < footSize || int64(len(tail)) > size {
		return label{}, 0, errLabel
	}
	rest, foot := tail[:len(tail)-footSize], tail[len(tail)-footSize:]
	n := int64(binary.BigEndian.Uint32(foot))
	if string(foot[8:]) != format || n > maxLabel-footSize || n+footSize > size {
		return label{}, 0, errLabel
	}
	if n > int64(len(rest)) {
		return label{}, int(n) + footSize, nil
	}
	text := rest[int64(len(rest))-n:]
	if crc32.Checksum(text, castagnoli) != binary.BigEndian.Uint32(foot[4:]) {
		return label{}, 0, errLabel
	}
	if err := json.Unmarshal(text, &l); err != nil {
		return label{}, 0, errLabel
	}
	if l.Size != size-n-footSize {
		return label{}, 0, errLabel
	}
	return l, 0, nil
}

// readLabel reads the label of an open file.
func readLabel(f *os.File) (label, error) {
	info, err := f.Stat()
	if err != nil {
		return label{}, err
	}
	if !info.Mode().IsRegular() {
		return label{}, errLabel
	}
	size := info.Size()
	var common [commonLabel]byte
	tail := common[:min(size, commonLabel)]
	for {
		if _, err := f.ReadAt(tail, size-int64(len(tail))); err != nil && err != io.EOF {
			return label{}, err
		}
		l, need, err := decodeLabel(tail, size)
		if need == 0 || err != nil {
			return l, err
		}
		tail = make([]byte, need)
	}
}

// openLabelled opens a file of the store.
func openLabelled(path string) (*os.File, label, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, label{}, err
	}
	l, err := readLabel(f)
	if err != nil {
		return nil, label{}, errors.Join(fmt.Errorf("%s: %w", path, err), f.Close())
	}
	return f, l, nil
}

// labelOf reads the label of the file at a path.
func labelOf(path string) (label, error) {
	f, l, err := openLabelled(path)
	if err != nil {
		return label{}, err
	}
	return l, f.Close()
}
