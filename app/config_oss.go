package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"parley/oss"
	"parley/oss/guard"
	"parley/pkg/secret"
)

// OssConfig is the gateway for object storage.
type OssConfig struct {
	GatewayConfig
	Scratch     string `yaml:"Scratch"`
	ScratchSize int64  `yaml:"ScratchSize"`
}

// OssServiceConfig is the object storage service.
type OssServiceConfig struct {
	ServiceConfig
	MaxFile         int64          `yaml:"MaxFile"`
	MaxObject       int64          `yaml:"MaxObject"`
	Unfinished      time.Duration  `yaml:"Unfinished"`
	Timeout         time.Duration  `yaml:"Timeout"`
	CompleteTimeout time.Duration  `yaml:"CompleteTimeout"`
	Apps            []OssAppConfig `yaml:"Apps"`
}

// OssAppConfig is an app that stores objects.
type OssAppConfig struct {
	AppID     string              `yaml:"AppID"`
	Quota     int64               `yaml:"Quota"`
	Providers []OssProviderConfig `yaml:"Providers"`
}

// OssProviderConfig is where an app stores objects.
type OssProviderConfig struct {
	Type                string        `yaml:"Type"`
	Endpoint            string        `yaml:"Endpoint"`
	Region              string        `yaml:"Region"`
	Bucket              string        `yaml:"Bucket"`
	PublicURL           string        `yaml:"PublicURL"`
	AccessKeyID         string        `yaml:"AccessKeyID"`
	AccessKeySecret     string        `yaml:"AccessKeySecret"`
	AccessKeySecretFile string        `yaml:"AccessKeySecretFile"`
	Role                string        `yaml:"Role"`
	RoleDomain          string        `yaml:"RoleDomain"`
	TokenEndpoint       string        `yaml:"TokenEndpoint"`
	TokenPrefix         string        `yaml:"TokenPrefix"`
	TokenLife           time.Duration `yaml:"TokenLife"`
}

// developmentOss is what the embedded default stores objects for: the app that
// existing clients name.
var developmentOss = []OssAppConfig{{AppID: "dtalk", Providers: []OssProviderConfig{{Type: oss.Local}}}}

const (
	// maxForm is room for the form around a file in bytes.
	maxForm = 64 << 10
	// signFor is how long a signed request may begin. The gateway begins at once.
	signFor = 5 * time.Minute
	// rememberUploads is how long a completed upload can be completed again.
	rememberUploads = 24 * time.Hour
	// defaultTokenLife is that of temporary credentials.
	defaultTokenLife = time.Hour
)

// oss returns the rules of the service.
func (c OssServiceConfig) oss() oss.Config {
	return oss.Config{
		MaxFile: c.MaxFile, MaxObject: c.MaxObject, SignFor: signFor,
		Completing: c.CompleteTimeout + c.Timeout, Unfinished: c.Unfinished, Remember: rememberUploads,
	}
}

func (c OssServiceConfig) guard() guard.Config {
	return guard.Config{Timeout: c.Timeout, CompleteTimeout: c.CompleteTimeout}
}

// bucket returns p with its secret.
func (p OssProviderConfig) bucket() (oss.BucketConfig, error) {
	b := oss.BucketConfig{
		Endpoint: strings.TrimSuffix(p.Endpoint, "/"), Region: p.Region, Bucket: p.Bucket, PublicURL: strings.TrimSuffix(p.PublicURL, "/"),
		AccessKeyID: p.AccessKeyID, AccessKeySecret: p.AccessKeySecret,
		Role: p.Role, RoleDomain: p.RoleDomain, TokenEndpoint: p.TokenEndpoint, TokenPrefix: p.TokenPrefix, TokenLife: p.TokenLife,
	}
	if b.TokenLife == 0 {
		b.TokenLife = defaultTokenLife
	}
	if b.AccessKeySecret != "" {
		return b, nil
	}
	var err error
	b.AccessKeySecret, err = secret.Read("AccessKeySecretFile", p.AccessKeySecretFile)
	return b, err
}

// scope names everything on which temporary credentials depend.
func scope(provider string, b oss.BucketConfig) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%q", []string{
		provider, b.Endpoint, b.Region, b.Bucket, b.AccessKeyID, b.Role, b.RoleDomain, b.TokenEndpoint, b.TokenPrefix, b.TokenLife.String(),
	}))
	return provider + "-" + hex.EncodeToString(sum[:8])
}

func (k *checker) oss(gate OssConfig, c OssServiceConfig) {
	k.gateway("Oss", gate.GatewayConfig)
	k.that(gate.ScratchSize >= 1<<20, "Oss.ScratchSize", gate.ScratchSize, "at least 1048576")
	k.service("OssService", c.ServiceConfig)
	k.that(c.MaxFile >= 1, "OssService.MaxFile", c.MaxFile, "at least 1")
	k.that(c.MaxFile <= gate.MaxBody-maxForm, "OssService.MaxFile", c.MaxFile, fmt.Sprintf("at least %d less than Oss.MaxBody (%d), which holds the form around the file as well", maxForm, gate.MaxBody))
	k.that(c.MaxObject >= 0, "OssService.MaxObject", c.MaxObject, "at least 0")
	k.that(c.Unfinished >= time.Hour, "OssService.Unfinished", c.Unfinished, "at least 1h")
	k.that(c.Timeout >= time.Second && c.Timeout <= time.Minute, "OssService.Timeout", c.Timeout, "from 1s to 1m")
	k.that(c.CompleteTimeout >= c.Timeout && c.CompleteTimeout <= 30*time.Minute, "OssService.CompleteTimeout", c.CompleteTimeout, "from OssService.Timeout to 30m")
	seen, buckets := make(map[string]bool), make(map[string]string)
	for i, a := range c.Apps {
		key := fmt.Sprintf("OssService.Apps[%d]", i)
		k.that(a.AppID != "" && len(a.AppID) <= 255 && !seen[a.AppID], key+".AppID", fmt.Sprintf("%q", a.AppID), "1 to 255 bytes, and another than those of the apps before")
		seen[a.AppID] = true
		k.that(a.Quota >= 0, key+".Quota", a.Quota, "at least 0")
		k.that(len(a.Providers) > 0, key+".Providers", "empty", "a list of providers")
		types := make(map[string]bool)
		for j, p := range a.Providers {
			at := fmt.Sprintf("%s.Providers[%d]", key, j)
			k.that(!types[p.Type], at+".Type", p.Type, "another than those of the providers before")
			types[p.Type] = true
			k.provider(at, j, p)
			// Owners are known by app: in one bucket two apps would overwrite each other's.
			bucket := strings.Join([]string{p.Type, strings.TrimSuffix(p.Endpoint, "/"), p.Bucket}, " ")
			other, taken := buckets[bucket]
			k.that(!taken || p.Type == oss.Local, at+".Bucket", p.Bucket, "another than that of app "+other)
			buckets[bucket] = a.AppID
		}
	}
}

// provider checks what can be known without asking the provider.
func (k *checker) provider(key string, at int, p OssProviderConfig) {
	known := []string{oss.Aliyun, oss.Huaweiyun, oss.Minio, oss.Local}
	if !slices.Contains(known, p.Type) {
		k.that(false, key+".Type", fmt.Sprintf("%q", p.Type), strings.Join(known, ", "))
		return
	}
	k.that(p.PublicURL == "" || isURL(p.PublicURL), key+".PublicURL", p.PublicURL, "a URL such as https://files.example.com, without a query, or empty")
	if p.Type == oss.Local {
		k.that(at == 0, key+".Type", p.Type, "the first of the providers, since no request can name it")
		rest := p
		rest.Type, rest.PublicURL = "", ""
		k.that(rest == OssProviderConfig{}, key+".Type", p.Type, "without other keys than PublicURL")
		return
	}
	k.that(isURL(p.Endpoint), key+".Endpoint", p.Endpoint, "a URL such as https://s3.example.com")
	k.that(p.Bucket != "", key+".Bucket", `""`, "the name of a bucket")
	k.that(p.AccessKeyID != "", key+".AccessKeyID", `""`, "a key of the provider")
	k.that((p.AccessKeySecret == "") != (p.AccessKeySecretFile == ""), key+".AccessKeySecretFile", p.AccessKeySecretFile, "a file with the secret, or AccessKeySecret set instead")
	k.that(p.TokenEndpoint == "" || isURL(p.TokenEndpoint), key+".TokenEndpoint", p.TokenEndpoint, "a URL, or empty")
	k.that(p.TokenLife == 0 || p.TokenLife >= 15*time.Minute && p.TokenLife <= 12*time.Hour, key+".TokenLife", p.TokenLife, "from 15m to 12h")
	if p.Type == oss.Huaweiyun {
		k.that((p.Role == "") == (p.RoleDomain == ""), key+".RoleDomain", p.RoleDomain, "set together with Role")
	}
	k.that(p.Region != "" || p.Type != oss.Aliyun, key+".Region", `""`, "set, since signatures have it in them")
	k.that(p.Region != "" || p.Type != oss.Huaweiyun || p.Role == "", key+".Region", `""`, "set together with Role")
	if _, err := p.bucket(); err != nil {
		k.errs = append(k.errs, fmt.Errorf("%s.%w", key, err))
	}
}

func isURL(text string) bool {
	u, err := url.Parse(text)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" && u.RawQuery == "" && u.Fragment == "" && u.User == nil
}
