package local_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"parley/oss"
	"parley/oss/local"
)

// victimVariable makes the test binary the process that is killed, on the folder
// that it names.
const victimVariable = "PARLEY_TEST_VICTIM"

// whole are the objects that are put in one piece, parted those in parts. Each is
// written by one goroutine.
var whole, parted = []oss.Key{"whole/1", "whole/2"}, []oss.Key{"parted/1"}

// body is the content of a version of an object: the version's number, bytes
// that depend on it, and the SHA-256 of all that.
func body(version uint64, size int) []byte {
	b := binary.BigEndian.AppendUint64(nil, version)
	for len(b) < size {
		b = binary.BigEndian.AppendUint64(b, version*uint64(len(b)))
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// version is the number of a body, if it is one.
func version(b []byte) (uint64, error) {
	n := len(b) - sha256.Size
	if n < 8 {
		return 0, fmt.Errorf("it has %d bytes", len(b))
	}
	if sha256.Sum256(b[:n]) != [sha256.Size]byte(b[n:]) {
		return 0, fmt.Errorf("its %d bytes have another checksum", len(b))
	}
	return binary.BigEndian.Uint64(b), nil
}

// victim writes versions of the objects, from the one that its input begins with,
// and says which it has written, until it is killed, at the latest when its
// input ends.
func victim(folder string) {
	var first uint64
	if _, err := fmt.Scanln(&first); err != nil {
		os.Exit(1)
	}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		os.Exit(1)
	}()
	s, err := local.Open(folder, local.Options{})
	if err != nil {
		panic(err)
	}
	b := s.Bucket("dtalk", "")
	var out sync.Mutex
	write := func(key oss.Key, how func(oss.Key, []byte) error, size int) {
		for v := first; ; v++ {
			if err := how(key, body(v, rand.IntN(size)+1)); err != nil {
				panic(err)
			}
			out.Lock()
			_, _ = fmt.Println(key, v)
			out.Unlock()
		}
	}
	for _, key := range whole {
		go write(key, func(key oss.Key, body []byte) error { return putWhole(s, b, key, body) }, 3<<20)
	}
	for _, key := range parted {
		go write(key, func(key oss.Key, body []byte) error { return putParted(s, b, key, body) }, 12<<20)
	}
	select {}
}

func putWhole(s *local.Store, b oss.Provider, key oss.Key, body []byte) error {
	ctx := context.Background()
	signed, err := b.SignPut(ctx, oss.Put{Key: key, Size: int64(len(body)), Expires: time.Now().Add(time.Hour)})
	if err != nil {
		return err
	}
	_, err = s.Send(ctx, signed, bytes.NewReader(body), int64(len(body)))
	return err
}

func putParted(s *local.Store, b oss.Provider, key oss.Key, body []byte) error {
	ctx := context.Background()
	id, err := b.Start(ctx, key, "")
	if err != nil {
		return err
	}
	var parts []oss.Part
	for c := range slices.Chunk(body, local.MinPart) {
		p := oss.PutPart{Key: key, Upload: id, Number: int32(len(parts) + 1), Size: int64(len(c)), Expires: time.Now().Add(time.Hour)}
		signed, err := b.SignPart(ctx, p)
		if err != nil {
			return err
		}
		etag, err := s.Send(ctx, signed, bytes.NewReader(c), p.Size)
		if err != nil {
			return err
		}
		parts = append(parts, oss.Part{Number: p.Number, ETag: etag})
	}
	return b.Complete(ctx, key, id, parts)
}

func TestNoHalfObjectIsSeenWheneverAProcessIsKilled(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	kills := 20
	if testing.Short() {
		kills = 5
	}
	// seen has the versions that were confirmed or read: none older may be read later.
	seen := map[oss.Key]uint64{}
	for kill := range kills {
		for key, v := range murder(t, w.folder, uint64(kill+1)*1_000_000) {
			seen[key] = v
		}
		for _, key := range slices.Concat(whole, parted) {
			text, ok := w.read(key)
			if !ok {
				if seen[key] != 0 {
					t.Errorf("version %d of %q is not there", seen[key], key)
				}
				continue
			}
			v, err := version([]byte(text))
			if err != nil {
				t.Fatalf("%q is not whole: %v", key, err)
			}
			if v < seen[key] {
				t.Errorf("%q has version %d, but %d was confirmed", key, v, seen[key])
			}
			seen[key] = v
		}
	}
	if len(seen) != len(whole)+len(parted) {
		t.Errorf("only of %v anything was ever written", seen)
	}
	if _, err := w.store.Sweep(t.Context(), -time.Minute); err != nil {
		t.Error(err)
	}
	if left := files(t, w.folder); len(left) != len(seen) {
		t.Errorf("after a sweep there are the files %v", left)
	}
}

// murder starts a process that writes, kills it at some moment after it has
// confirmed the first version, and returns what it confirmed.
func murder(t *testing.T, folder string, first uint64) map[oss.Key]uint64 {
	t.Helper()
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), victimVariable+"="+folder)
	var failure strings.Builder
	child.Stderr = &failure
	in, err := child.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = in.Close() }()
	out, err := child.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	_, _ = fmt.Fprintln(in, first)
	confirmed := map[oss.Key]uint64{}
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		var key oss.Key
		var v uint64
		if n, _ := fmt.Sscan(lines.Text(), &key, &v); n != 2 {
			continue // the line that it died over
		}
		if len(confirmed) == 0 {
			time.AfterFunc(rand.N(200*time.Millisecond), func() { _ = child.Process.Kill() })
		}
		confirmed[key] = v
	}
	_ = child.Wait()
	if len(confirmed) == 0 || failure.Len() != 0 {
		t.Fatalf("the process wrote nothing or failed: %s", failure.String())
	}
	return confirmed
}
