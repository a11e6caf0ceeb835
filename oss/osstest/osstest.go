// Package osstest has the tests that every provider of object storage passes,
// together with the carrier that moves bytes to it: a real one, a server of the
// same protocol, or a fake.
package osstest

import (
	"context"
	"net/http"
	"testing"

	"parley/oss"
)

// Fixture is a provider to be tested.
type Fixture struct {
	Provider oss.Provider // of a bucket with nothing in it
	Carrier  oss.Carrier

	// Get reads an object as anybody does; see Reader. The body is closed by who
	// calls it.
	Get func(testing.TB, oss.Key) *http.Response

	// MinPart is how many bytes a part has at least, but for the last: 5 MiB by
	// S3's rules, 100 KiB at Aliyun and Huawei.
	MinPart int64

	// MaxKey is how many bytes the longest key has; 0 is oss.MaxKey.
	MaxKey int

	// PathKeys says that the server keeps an object in a file that is named like
	// the key. Then no key can be another's folder, and no segment be empty or
	// longer than a file name. No provider of clouds is like that.
	PathKeys bool

	// LaxComplete says that the server takes the completing of an upload that is over
	// for a repeat whenever the key has an object, and says that it went well. It
	// changes nothing then. No provider of clouds is like that.
	LaxComplete bool

	// Faults makes the provider misbehave. It is nil for one that cannot be made to.
	Faults *Faults
}

// Faults are the switches of a fake. They say what happens to requests from then
// on, and are used one at a time.
type Faults struct {
	// Slow leaves every request without an answer until the client gives up.
	Slow func()
	// Fail reads about half of a request's body, if there is one, and then answers
	// with a status of 500 or above, or breaks the connection.
	Fail func()
	// Heal takes the others back.
	Heal func()
}

// Reader returns a Fixture.Get that asks for host + "/" + the escaped key, which
// are what Provider.Host and Key.Escape return. A nil client is http.DefaultClient.
func Reader(client *http.Client, host string) func(testing.TB, oss.Key) *http.Response {
	if client == nil {
		client = http.DefaultClient
	}
	return func(t testing.TB, key oss.Key) *http.Response {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, host+"/"+key.Escape(), nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := client.Do(request)
		if err != nil {
			t.Fatalf("read the object %q: %v", key, err)
		}
		return response
	}
}

// Run tests what open returns, which it calls for every test.
func Run(t *testing.T, open func(testing.TB) Fixture) {
	for _, c := range []struct {
		name  string
		check func(*world)
	}{
		{"an object reads as it was put", putAndGet},
		{"an object is overwritten", overwrite},
		{"an empty object is an object", empty},
		{"an object that is not there is not found", absent},
		{"an object has the content type that it was given", contentTypes},
		{"keys are bytes", oddKeys},
		{"a key may be the folder of another", nestedKeys},
		{"an object of 16 MiB is put at once", sixteenMiB},
		{"an object may have one part", onePart},
		{"an object has its parts in the order of their numbers", twoParts},
		{"forty parts may be sent at once and in any order", fortyParts},
		{"a GiB goes through in parts", oneGiB},
		{"an object in parts is not there before it is complete", notBeforeComplete},
		{"an object in parts overwrites", partsOverwrite},
		{"a part that was sent again stands as the last time", resentPart},
		{"a part that is not named is left out", leftOutPart},
		{"a part that was not sent is missed", missingPart},
		{"a part with another ETag is refused", wrongETag},
		{"a part that is too small is refused and can be sent again", smallPart},
		{"an unknown upload is not found", unknownUpload},
		{"an upload is of one key only", uploadOfAnotherKey},
		{"an aborted upload is not found", abortedUpload},
		{"a completed upload is over", completedUpload},
		{"two uploads of a key do not meet", twoUploads},
		{"a body of another size than was signed is refused", anotherSize},
		{"a body that ends early leaves the object as it was", earlyEnd},
		{"a body that goes on leaves the object as it was", lateEnd},
		{"a body that fails leaves the object as it was", failingBody},
		{"a body that is cancelled leaves the object as it was", cancelledBody},
		{"a signature ends", expired},
		{"a slow provider is waited for no longer than asked", slow},
		{"a failing provider is told from an answer, and recovers", failing},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.check(&world{TB: t, Fixture: open(t)})
		})
	}
}

// world is a provider in a test.
type world struct {
	testing.TB
	Fixture
}

// ctx ends with the test.
func (w *world) ctx() context.Context { return w.Context() }
