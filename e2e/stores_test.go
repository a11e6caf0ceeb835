package e2e

import (
	"math/rand/v2"
	"os"
	"testing"

	"parley/app"
	"parley/oss"
	"parley/oss/aliyun"
	"parley/oss/aliyun/aliyuntest"
	"parley/oss/huawei/huaweitest"
	"parley/oss/local"
	"parley/oss/minio/miniotest"
	"parley/oss/osstest/cloud"
	"parley/pkg/redisx/redistest"
	"parley/pkg/sqldb/sqldbtest"
)

// keeper is where a world keeps its objects.
type keeper struct {
	// provider is its name in requests, "" of the local store.
	provider string
	// minPart is the least size of a part in bytes, but for the last.
	minPart int
	// maxKey is the longest key in bytes where it is less than the longest of all.
	maxKey int
	// pathKeys says that an object is a file that is named like its key, so that no
	// part of a key may be empty or long.
	pathKeys bool
	config   app.OssProviderConfig
	// faults and tokens let a fake and its service of temporary keys fail; nil where
	// it is no fake.
	faults, tokens *cloud.Faults
	keys           *cloud.Keyring
}

// keepers makes a keeper of each kind that belongs to a test alone.
var keepers = map[string]func(testing.TB) *keeper{
	"local":     localKeeper,
	"aliyun":    aliyunKeeper,
	"huaweiyun": huaweiKeeper,
	"minio":     minioKeeper,
}

// cloudKeepers are those that a test can let fail.
var cloudKeepers = map[string]func(testing.TB) *keeper{
	"aliyun":    aliyunKeeper,
	"huaweiyun": huaweiKeeper,
}

func localKeeper(testing.TB) *keeper {
	return &keeper{minPart: local.MinPart, config: app.OssProviderConfig{Type: oss.Local}}
}

func aliyunKeeper(t testing.TB) *keeper {
	f := aliyuntest.New(t)
	return &keeper{
		provider: oss.Aliyun, minPart: 100 << 10, maxKey: aliyun.MaxKey, config: configured(oss.Aliyun, f.Bucket()),
		faults: f.Faults, tokens: f.Tokens, keys: f.Keys,
	}
}

func huaweiKeeper(t testing.TB) *keeper {
	f := huaweitest.New(t)
	return &keeper{
		provider: oss.Huaweiyun, minPart: 100 << 10, config: configured(oss.Huaweiyun, f.Bucket()),
		faults: f.Faults, tokens: f.Tokens, keys: f.Keys,
	}
}

// minioKeeper keeps objects on a real server of S3. The test is skipped where there is
// none.
func minioKeeper(t testing.TB) *keeper {
	return &keeper{provider: oss.Minio, minPart: 5 << 20, config: configured(oss.Minio, miniotest.Bucket(t)), pathKeys: true}
}

// configured returns the configuration of a bucket.
func configured(provider string, b oss.BucketConfig) app.OssProviderConfig {
	return app.OssProviderConfig{
		Type: provider, Endpoint: b.Endpoint, Region: b.Region, Bucket: b.Bucket, PublicURL: b.PublicURL,
		AccessKeyID: b.AccessKeyID, AccessKeySecret: b.AccessKeySecret,
		Role: b.Role, RoleDomain: b.RoleDomain, TokenEndpoint: b.TokenEndpoint, TokenPrefix: b.TokenPrefix, TokenLife: b.TokenLife,
	}
}

// everyStore runs a scenario with every kind of store as the only one of the app
// dtalk, in every form.
func everyStore(t *testing.T, scenario func(*testing.T, *world, *keeper)) {
	everyStoreWith(t, keepers, app.Default(), scenario)
}

// everyStoreWith is everyStore with a choice of stores and a configuration.
func everyStoreWith(t *testing.T, choice map[string]func(testing.TB) *keeper, config app.Config, scenario func(*testing.T, *world, *keeper)) {
	t.Parallel()
	for name, make := range choice {
		for form, start := range forms() {
			if racing && unwatched(name, form) {
				continue
			}
			t.Run(name+", "+form, func(t *testing.T) {
				t.Parallel()
				k := make(t)
				scenario(t, storingIn(t, config, start, k), k)
			})
		}
	}
}

// unwatched reports whether the race detector does not watch a store in a form: each
// fake of a cloud it watches in one, and on real servers, of which they know nothing,
// in none.
func unwatched(name, form string) bool {
	watched, fake := map[string]string{"aliyun": "one process", "huaweiyun": "split"}[name]
	return fake && (form != watched || os.Getenv(sqldbtest.EnvMySQL) != "")
}

// storingIn starts a world whose app dtalk has stores, the first by default. Its app
// second has the local one.
func storingIn(t testing.TB, config app.Config, start func(testing.TB, app.Config, app.Backends) site, stores ...*keeper) *world {
	t.Helper()
	return storingWithin(t, config, start, 0, stores...)
}

// storingWithin is storingIn with a quota of bytes for everybody.
func storingWithin(t testing.TB, config app.Config, start func(testing.TB, app.Config, app.Backends) site, quota int64, stores ...*keeper) *world {
	t.Helper()
	dtalk := app.OssAppConfig{AppID: "dtalk", Quota: quota}
	for _, k := range stores {
		dtalk.Providers = append(dtalk.Providers, k.config)
	}
	config.OssService.Apps = []app.OssAppConfig{dtalk, {AppID: "second", Providers: []app.OssProviderConfig{{Type: oss.Local}}}}
	b := app.Backends{DB: sqldbtest.New(t), Redis: redistest.New(t)}
	w := newWorld(t, start(t, config, b), b.DB)
	w.redis = b.Redis
	return w
}

// blob is n bytes that repeat nowhere, another sequence for each seed.
func blob(n int, seed byte) []byte {
	b := make([]byte, n)
	r := rand.NewChaCha8([32]byte{seed})
	_, _ = r.Read(b) // never fails
	return b
}

const (
	kib = 1 << 10
	mib = 1 << 20
)

// large is the size of a file as large as clients send at once, in bytes.
func large() int {
	if racing {
		return 2*mib + 1
	}
	return 12 * mib
}
