package client

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/auth"
)

// logOf serves sync-record over a log in which the user has events at some
// positions, of which every nth belongs to group 7. It counts the requests.
func logOf(t *testing.T, positions []int64, nth int) (r REST, requests *int) {
	t.Helper()
	requests = new(int)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		*requests++
		var ask struct{ Count, Start int64 }
		if err := json.NewDecoder(req.Body).Decode(&ask); err != nil || req.URL.Path != "/app/record/sync-record" {
			t.Errorf("%s is asked: %v", req.URL, err)
		}
		at, _ := slices.BinarySearch(positions, ask.Start+1)
		records := []string{}
		for i := at; i < len(positions) && len(records) < int(ask.Count); i++ {
			m := &wirev1.Common{LogId: positions[i], ChannelType: wirev1.ChannelType_CHANNEL_TYPE_GROUP, Target: "8"}
			if i%nth == 0 {
				m.Target = "7"
			}
			records = append(records, base64.StdEncoding.EncodeToString(Encode(&wirev1.Proto{Body: Encode(m)})))
		}
		json.NewEncoder(w).Encode(map[string]any{"result": 0, "message": "OK", "data": map[string]any{"records": records}})
	}))
	t.Cleanup(server.Close)
	key, err := auth.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	return newREST(server.URL, key, ""), requests
}

func every(step, count int64) (positions []int64) {
	for n := range count {
		positions = append(positions, (n+1)*step)
	}
	return positions
}

func TestTheNewestEventsOfAGroupAreFoundFromTheEnd(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		positions []int64
		nth       int
		found     int
		requests  int
	}{
		"nothing":                        {nil, 1, 0, 1},
		"one page":                       {every(1, 50), 1, 20, 1},
		"a page to the last event":       {every(1, syncCount), 1, 20, 20},
		"a long log":                     {every(1, 100_000), 3, 20, 30},
		"a log of others":                {every(1000, 1000), 3, 20, 40},
		"a group that speaks little":     {every(1, 20_000), 500, 20, 40},
		"a group that is almost silent":  {every(1, 50_000), 10_000, 1, 50},
		"a group that has said less":     {every(1, 150), 30, 5, 1},
		"an event at the last position":  {[]int64{1, maxPosition}, 1, 2, 1},
		"many, and one at the very last": {append(every(1, 1000), maxPosition-1), 1, 20, 100},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r, requests := logOf(t, row.positions, row.nth)
			found, end, err := r.Newest(t.Context(), 20, func(e Event) bool { return e.Message.Target == "7" })
			if err != nil {
				t.Fatal(err)
			}
			var want []int64
			for i, pos := range row.positions {
				if i%row.nth == 0 {
					want = append(want, pos)
				}
			}
			want = want[len(want)-row.found:]
			var got []int64
			for _, e := range found {
				got = append(got, e.Pos)
			}
			if !slices.Equal(got, want) {
				t.Errorf("found are %v, want %v", got, want)
			}
			if n := len(row.positions); n > 0 && end != row.positions[n-1] {
				t.Errorf("the end is at %d, want %d", end, row.positions[n-1])
			}
			if *requests > row.requests {
				t.Errorf("it took %d requests, want %d at most", *requests, row.requests)
			}
		})
	}
}
