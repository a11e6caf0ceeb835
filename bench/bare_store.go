package main

import (
	"bufio"
	"crypto/md5"
	"encoding/hex"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
)

// serveBareStore is the life of a bare store: it takes bodies over loopback, computes
// their MD5, writes them into a file each and syncs it. It ends with in.
func serveBareStore(folder string, in io.Reader, out io.Writer) error {
	lines := bufio.NewReader(in)
	if _, err := lines.ReadBytes('\n'); err != nil {
		return fmt.Errorf("wait to be started: %w", err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return err
	}
	return serveUntil(lines, listener, func(w http.ResponseWriter, r *http.Request) {
		sum, err := storeBare(folder, r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		w.Header().Set("ETag", sum)
	})
}

func storeBare(folder string, body io.Reader) (sum string, err error) {
	file, err := os.CreateTemp(folder, "bare-")
	if err != nil {
		return "", err
	}
	defer os.Remove(file.Name()) // what is measured is over by then
	defer file.Close()
	hash := md5.New()
	if _, err := io.CopyBuffer(io.MultiWriter(file, hash), struct{ io.Reader }{body}, make([]byte, 256<<10)); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), file.Sync()
}
