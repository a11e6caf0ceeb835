package e2e

import (
	"encoding/json"
	"slices"
	"testing"

	"parley/pkg/fault"
)

// storesIn is the environment of a process that stores the objects of the app dtalk
// in a keeper.
func storesIn(t testing.TB, k *keeper) string {
	t.Helper()
	provider := map[string]any{"Type": k.config.Type}
	for name, value := range map[string]string{
		"Endpoint": k.config.Endpoint, "Region": k.config.Region, "Bucket": k.config.Bucket, "PublicURL": k.config.PublicURL,
		"AccessKeyID": k.config.AccessKeyID, "AccessKeySecret": k.config.AccessKeySecret,
		"Role": k.config.Role, "RoleDomain": k.config.RoleDomain, "TokenEndpoint": k.config.TokenEndpoint,
	} {
		if value != "" {
			provider[name] = value
		}
	}
	apps, err := json.Marshal([]any{map[string]any{"AppID": "dtalk", "Providers": []any{provider}}})
	if err != nil {
		t.Fatal(err)
	}
	return "PARLEY_OSSSERVICE_APPS=" + string(apps)
}

// dying are ways to run processes that store objects and to let one of them die,
// which is then another one each time.
var dying = map[string]func(t testing.TB, k *keeper) (at site, die func()){
	"one process": func(t testing.TB, k *keeper) (site, func()) {
		p := newProcess(t, append(serverEnv(t), storesIn(t, k)), "-data", t.TempDir())
		p.start()
		return p.site, func() {
			p.kill()
			p.start()
		}
	},
	"split": func(t testing.TB, k *keeper) (site, func()) {
		data, service, gateway := t.TempDir(), freeAddr(t), freeAddr(t)
		env := append(serverEnv(t), storesIn(t, k), "PARLEY_OSSSERVICE_LISTEN="+service, "PARLEY_OSSSERVICE_ENDPOINTS="+service, "PARLEY_OSS_LISTEN="+gateway)
		both := []*process{newService(t, env, "-target", "oss-rpc", "-data", data), newService(t, env, "-target", "oss", "-data", data)}
		both[1].site = oneAddress("http://" + gateway)
		both[0].run()
		both[1].start()
		turn := 0
		return both[1].site, func() {
			p := both[turn%2]
			turn++
			p.kill()
			p.start()
		}
	},
}

// TestNoObjectIsEverHalf kills processes at random moments while people upload
// files, whole and in parts, who try again until they are answered, and others read
// them.
func TestNoObjectIsEverHalf(t *testing.T) {
	t.Parallel()
	for name, make := range keepers {
		for form, start := range dying {
			if racing && unwatched(name, form) {
				continue
			}
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				k := make(t)
				at, die := start(t, k)
				l := startUploads(t, at, k.minPart)
				for range 3 {
					pause(t.Context(), moment())
					die()
					l.progress(2)
				}
				l.verify(6)
			})
		}
	}
}

// What a process that died had begun is nobody else's, and its owner's to do again.
func TestAnUploadThatDiedIsItsOwnersToDoAgain(t *testing.T) {
	t.Parallel()
	for name, make := range keepers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := make(t)
			at, die := dying["one process"](t, k)
			alice, bob := newUser(t, at), newUser(t, at)
			w := &world{t: t, site: at}
			old := alice.store(inDtalk("old"), []byte("old"))
			o := inDtalk("in parts")
			upload, first, last := alice.begin(o), blob(k.minPart, 40), blob(kib, 41)
			list := []etag{alice.write(o, upload, 1, first)}
			halfOf(w, alice, "old", mib)
			alice.begin(inDtalk("new"))
			halfOf(w, alice, "new", mib)
			die()

			holds(t, old.URL, []byte("old"))
			isGone(t, hostOf(alice, "")+"/new")
			for _, key := range []string{"old", "new", "in parts"} {
				bob.put(inDtalk(key), []byte("bob's")).want(t, fault.Forbidden)
			}
			for _, key := range []string{"old", "new"} {
				content := blob(mib, 42)
				holds(t, alice.store(inDtalk(key), content).URL, content)
			}
			// The upload in parts goes on where it was.
			list = append(list, alice.write(o, upload, 2, last))
			l := alice.completed(o, upload, list)
			holds(t, l.URL, slices.Concat(first, last))
			die()
			if again := alice.completed(o, upload, list); again != l {
				t.Errorf("completed again after a death it is at %v, want %v", again, l)
			}
			holds(t, l.URL, slices.Concat(first, last))
		})
	}
}

// The log tells of a provider that fails, and nothing that opens a door to it.
func TestTheLogHoldsNoSecretOfAProvider(t *testing.T) {
	t.Parallel()
	for name, make := range cloudKeepers {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := make(t)
			p := newProcess(t, append(serverEnv(t), storesIn(t, k), "PARLEY_LOG_LEVEL=debug", "PARLEY_OSSSERVICE_TIMEOUT=1s", "PARLEY_OSSSERVICE_COMPLETETIMEOUT=1s", "PARLEY_OSS_DEADLINE=2s"), "-data", t.TempDir())
			p.start()
			alice := newUser(t, p.site)
			o := inDtalk("a key that nobody else knows")
			alice.store(o, []byte("content that nobody else knows"))
			upload := alice.begin(o)
			list := alice.inParts(o, upload, []byte("content that nobody else knows"))
			var keys temporary
			alice.post(tokenRoutes[k.provider], map[string]any{}).want(t, fault.OK).into(t, &keys)
			for _, fail := range []func(){func() { k.faults.Cut(forever); k.faults.Fail(forever) }, k.faults.Hang} {
				fail()
				alice.put(inDtalk("another"), []byte("content that nobody else knows")).want(t, fault.Busy)
				alice.part(o, upload, 2, blob(mib, 1)[:200*kib]).want(t, fault.Busy)
				alice.complete(o, upload, list).want(t, fault.Busy)
				k.faults.Heal()
			}
			p.kill()
			if !p.log.has(`status 503`) || !p.log.has("request id") {
				t.Errorf("the log does not tell of the failures:\n%s", p.log.tail())
			}
			for what, secret := range map[string]string{
				"the secret of the access key": k.config.AccessKeySecret, "a temporary secret": keys.Credentials.AccessKeySecret,
				"a temporary token": keys.Credentials.SecurityToken, "a signature": "ignature=", "a credential in a URL": "redential=",
				"an access key in a URL": "AccessKeyId=", "the content": "content that nobody", "the key of an object": "nobody else knows",
			} {
				if p.log.has(secret) {
					t.Errorf("the log holds %s:\n%s", what, p.log.tail())
				}
			}
		})
	}
}
