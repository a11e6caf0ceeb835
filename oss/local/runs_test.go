package local

import "testing"

func TestWhatMightRunScriptsIsSandboxed(t *testing.T) {
	t.Parallel()
	for contentType, want := range map[string]bool{
		"text/html": true, "TEXT/HTML; charset=utf-8": true, "image/svg+xml": true, "Image/SVG+xml": true, "application/xhtml+xml": true,
		"text/xml": true, "text/plain": true, "application/octet-stream": true, "nonsense": true, "": true, "application/pdfx": true, "x/pdf": true,
		"image/png": false, "Image/JPEG": false, "video/mp4": false, "audio/mpeg": false, "application/pdf": false,
	} {
		if got := runs(contentType); got != want {
			t.Errorf("%q: %v, want %v", contentType, got, want)
		}
	}
}
