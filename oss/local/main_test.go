package local_test

import (
	"net/http/httptest"
	"os"
	"testing"

	"parley/oss/local"
	"parley/oss/osstest"
	"parley/pkg/leaktest"
)

func TestMain(m *testing.M) {
	if folder := os.Getenv(victimVariable); folder != "" {
		victim(folder)
	}
	leaktest.Main(m, "parley/oss/local")
}

// open returns a store in a folder that ends with the test.
func open(t testing.TB, folder string) *local.Store {
	t.Helper()
	s, err := local.Open(folder, local.Options{Failed: func(err error) { t.Errorf("a reader was told that the store failed: %v", err) }})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// serve returns the origin at which a store is read.
func serve(t testing.TB, s *local.Store) string {
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	return server.URL
}

// bucketName is one that is neither a folder nor a segment of a path as it is.
const bucketName = "../应用 %2F~\x00"

// The service that signs and the gateway that sends and serves are different
// processes: each has a store of its own on the same folder.
func TestTheEmbeddedStoreDoesWhatEveryProviderMust(t *testing.T) {
	t.Parallel()
	osstest.Run(t, func(t testing.TB) osstest.Fixture {
		folder := t.TempDir()
		service, gateway := open(t, folder), open(t, folder)
		b := service.Bucket(bucketName, "")
		f := &faulty{Provider: b, Carrier: gateway}
		return osstest.Fixture{
			Provider: f, Carrier: f, MinPart: local.MinPart,
			Get: osstest.Reader(nil, b.Host(serve(t, gateway))),
			Faults: &osstest.Faults{
				Slow: func() { f.slow = true },
				Fail: func() { f.failing = true },
				Heal: func() { f.slow, f.failing = false, false },
			},
		}
	})
}
