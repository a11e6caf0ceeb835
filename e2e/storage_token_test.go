package e2e

import (
	"encoding/json"
	"net/http"
	"regexp"
	"strings"
	"testing"
	"time"

	"parley/app"
	"parley/oss"
	"parley/oss/osstest/cloud"
	"parley/pkg/fault"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// tokenRoutes are where temporary keys of a provider are answered.
var tokenRoutes = map[string]string{oss.Aliyun: "/oss/get-token", oss.Huaweiyun: "/oss/get-huaweiyun-token"}

// temporary is the answer of a route for temporary keys.
type temporary struct {
	RequestId   string
	Credentials struct {
		AccessKeySecret, Expiration, AccessKeyId, SecurityToken string
	}
	AssumedRoleUser struct{ AssumedRoleId, Arn string }
}

// forever is more requests than a test makes.
const forever = 1 << 30

func TestTemporaryKeysAreThoseOfTheProvider(t *testing.T) {
	everyStoreWith(t, cloudKeepers, app.Default(), func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		route := tokenRoutes[k.provider]
		var posted, got temporary
		alice.request(http.MethodPost, route, "", nil).want(t, fault.OK).into(t, &posted)
		a := alice.request(http.MethodGet, route, "", nil).want(t, fault.OK)
		a.into(t, &got)
		if got.Credentials != posted.Credentials {
			t.Errorf("GET answers %+v, POST %+v", got, posted)
		}
		checkTemporary(t, a.Data, k)
		alice.post(route, map[string]any{}).want(t, fault.OK)
		if n := k.tokens.Requests(); n != 1 {
			t.Errorf("the provider was asked %d times, want once", n)
		}
		for provider, other := range tokenRoutes {
			if provider != k.provider {
				alice.post(other, map[string]any{}).want(t, fault.Unsupported)
				alice.request(http.MethodGet, other, "", nil).want(t, fault.Unsupported)
			}
		}
	})
}

var expirationForm = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$`)

// checkTemporary wants every documented field, and keys that the cloud knows and
// that write objects and nothing else.
func checkTemporary(t *testing.T, data json.RawMessage, k *keeper) {
	t.Helper()
	var got temporary
	if err := json.Unmarshal(data, &got); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"RequestId", "Credentials", "AccessKeySecret", "Expiration", "AccessKeyId", "SecurityToken", "AssumedRoleUser", "AssumedRoleId", "Arn"} {
		if !strings.Contains(string(data), `"`+name+`":`) {
			t.Errorf("the answer has no %s: %s", name, data)
		}
	}
	if got.RequestId == "" {
		t.Error("the RequestId is empty")
	}
	if isAliyun := k.provider == oss.Aliyun; (got.AssumedRoleUser.Arn != "") != isAliyun || (got.AssumedRoleUser.AssumedRoleId != "") != isAliyun {
		t.Errorf("the role is %+v", got.AssumedRoleUser)
	}
	expires, err := time.Parse(time.RFC3339, got.Credentials.Expiration)
	if err != nil || !expirationForm.MatchString(got.Credentials.Expiration) {
		t.Errorf("the expiration is written %q", got.Credentials.Expiration)
	}
	if left := time.Until(expires); left < 45*time.Minute || left > time.Hour {
		t.Errorf("the keys live for another %v, want about an hour", left)
	}
	key, ok := k.keys.Find(got.Credentials.AccessKeyId)
	if !ok || key.Secret != got.Credentials.AccessKeySecret || key.Token != got.Credentials.SecurityToken {
		t.Fatalf("the cloud does not know the keys %+v", got.Credentials)
	}
	for _, a := range key.Grant.Actions {
		if a != cloud.Write && a != cloud.Abort {
			t.Errorf("the keys allow to %s", a)
		}
	}
}

func TestTemporaryKeysAreIssuedOnceForMany(t *testing.T) {
	everyStoreWith(t, cloudKeepers, app.Default(), func(t *testing.T, w *world, k *keeper) {
		// Time for all requests to arrive while the first one waits.
		k.tokens.Slow(300 * time.Millisecond)
		sameForAll(t, w.user(), nil, k)
	})
}

// sameForAll asks for keys thirty times at once, at both sites if there are two, and
// wants the same for all.
func sameForAll(t *testing.T, alice, elsewhere *client, k *keeper) {
	t.Helper()
	ids := make(map[string]int)
	for _, a := range together(30, func(i int) *answer {
		c := alice
		if elsewhere != nil && i%2 == 1 {
			c = elsewhere
		}
		return c.post(tokenRoutes[k.provider], map[string]any{})
	}) {
		var got temporary
		a.want(t, fault.OK).into(t, &got)
		ids[got.Credentials.AccessKeyId]++
	}
	if len(ids) != 1 || k.tokens.Requests() != 1 {
		t.Errorf("the provider was asked %d times and the keys are %v, want one for all", k.tokens.Requests(), ids)
	}
}

// Services share the keys through Redis.
func TestTemporaryKeysAreIssuedOnceForSeveralServices(t *testing.T) {
	t.Parallel()
	for name, make := range cloudKeepers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := make(t)
			config := app.Default()
			config.OssService.Apps = []app.OssAppConfig{{AppID: "dtalk", Providers: []app.OssProviderConfig{k.config}}}
			p := newSplit(t, config, app.Backends{DB: sqldbtest.New(t), Redis: redistest.New(t)})
			second := *p
			second.config.OssService.Endpoints = []string{p.start("oss-rpc").Address("oss-rpc")}
			elsewhere := site{oss: second.start("oss").URL()}
			k.tokens.Slow(300 * time.Millisecond)
			alice := newUser(t, p.site)
			sameForAll(t, alice, alice.atAnyOf([]site{elsewhere}), k)
		})
	}
}

func TestTemporaryKeysCannotBeHadWhileTheProviderIsDown(t *testing.T) {
	config := app.Default()
	config.OssService.Timeout = time.Second
	everyStoreWith(t, cloudKeepers, config, func(t *testing.T, w *world, k *keeper) {
		alice := w.user()
		for name, fail := range map[string]func(){
			"is busy": func() { k.tokens.Fail(forever) }, "does not answer": k.tokens.Hang,
		} {
			fail()
			began := time.Now()
			alice.post(tokenRoutes[k.provider], map[string]any{}).want(t, fault.Busy)
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("while the provider %s the answer takes %v", name, took)
			}
			k.tokens.Heal()
		}
		// As soon as it is up again they can.
		until(t, func() bool { return alice.post(tokenRoutes[k.provider], map[string]any{}).Result == fault.OK })
		// They are at hand now, whatever becomes of the provider.
		k.tokens.Fail(forever)
		alice.post(tokenRoutes[k.provider], map[string]any{}).want(t, fault.OK)
	})
}

// A bucket without a role has no temporary keys to give.
func TestThereAreNoTemporaryKeysWithoutARole(t *testing.T) {
	choice := make(map[string]func(testing.TB) *keeper)
	for name, make := range cloudKeepers {
		choice[name] = func(t testing.TB) *keeper {
			k := make(t)
			k.config.Role, k.config.RoleDomain = "", ""
			return k
		}
	}
	everyStoreWith(t, choice, app.Default(), func(t *testing.T, w *world, _ *keeper) {
		for _, route := range tokenRoutes {
			w.user().post(route, map[string]any{}).want(t, fault.Unsupported)
		}
	})
}
