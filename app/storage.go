package app

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"time"

	"github.com/zeromicro/go-zero/core/logx"

	ossv1 "parley/api/proto/oss/v1"
	"parley/oss"
	"parley/oss/aliyun"
	"parley/oss/carry"
	ossgateway "parley/oss/gateway"
	"parley/oss/guard"
	"parley/oss/huawei"
	localstore "parley/oss/local"
	"parley/oss/minio"
	ossredis "parley/oss/redis"
	ossrpc "parley/oss/rpc"
	ossstore "parley/oss/store"
	"parley/pkg/launch"
	"parley/pkg/rpc"
	"parley/pkg/scratch"
)

// ossApps returns the apps that store objects.
func (a *App) ossApps() []OssAppConfig {
	if len(a.config.OssService.Apps) == 0 && !a.hasServer() {
		return developmentOss
	}
	return a.config.OssService.Apps
}

// openLocal opens the local store, or returns nil where no app is stored there.
func (a *App) openLocal() (*localstore.Store, error) {
	for _, app := range a.ossApps() {
		for _, p := range app.Providers {
			if p.Type == oss.Local {
				return localstore.Open(filepath.Join(a.config.Data, "objects"), localstore.Options{Failed: nowAndThen("read an object")})
			}
		}
	}
	return nil, nil
}

// buckets makes the providers of an app.
func (a *App) buckets(app OssAppConfig, store *localstore.Store) ([]oss.Bucket, error) {
	buckets := make([]oss.Bucket, len(app.Providers))
	for i, p := range app.Providers {
		b, err := p.bucket()
		if err != nil {
			return nil, fmt.Errorf("OssService: %s of app %s: %w", p.Type, app.AppID, err)
		}
		var keeper oss.Provider
		switch p.Type {
		case oss.Local:
			b.Bucket, keeper = app.AppID, store.Bucket(app.AppID, b.PublicURL)
		case oss.Minio:
			keeper, err = minio.New(b)
		case oss.Aliyun:
			keeper, err = aliyun.New(b)
		case oss.Huaweiyun:
			keeper, err = huawei.New(b)
		}
		if err != nil {
			return nil, fmt.Errorf("OssService: %s of app %s: %w", p.Type, app.AppID, err)
		}
		buckets[i] = oss.Bucket{
			Provider: p.Type, Name: b.Bucket, Scope: scope(p.Type, b), Keeper: guard.New(p.Type, keeper, a.config.OssService.guard()),
		}
	}
	return buckets, nil
}

// troubleEvery is how often the log tells of what goes on going wrong.
const troubleEvery = time.Minute

// nowAndThen is a report of errors that come again and again, to be called by anybody.
func nowAndThen(what string) func(error) {
	var told atomic.Int64 // Unix seconds
	return func(err error) {
		last, now := told.Load(), time.Now().Unix()
		if now-last >= int64(troubleEvery.Seconds()) && told.CompareAndSwap(last, now) {
			logx.Errorf("%s: %v", what, err)
		}
	}
}

func (a *App) startOssService(context.Context) (launch.Stop, error) {
	store, err := a.openLocal()
	if err != nil {
		return nil, err
	}
	config := a.config.OssService.oss()
	for _, app := range a.ossApps() {
		buckets, err := a.buckets(app, store)
		if err != nil {
			return nil, err
		}
		config.Apps = append(config.Apps, oss.App{ID: app.AppID, Quota: app.Quota, Buckets: buckets})
	}
	if len(config.Apps) == 0 {
		logx.Error("nothing can be uploaded: OssService.Apps is empty")
	}
	vault := oss.NewVault(ossredis.NewShelf(a.redis, rand.Text()), a.config.OssService.Timeout, func(err error) { logx.Errorf("temporary credentials: %v", err) })
	service := oss.New(config, ossstore.New(a.db), vault)
	a.storage = rpc.NewServer("oss-rpc")
	ossv1.RegisterOSSServiceServer(a.storage, ossrpc.New(service))

	ctx, cancel := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		var both sync.WaitGroup
		both.Go(func() { service.Keep(ctx, nowAndThen("end uploads that nobody has ended")) })
		if store != nil {
			both.Go(func() { a.cleanLocal(ctx, store) })
		}
		both.Wait()
	}()
	return func(context.Context) error {
		cancel()
		<-stopped
		return nil
	}, nil
}

// cleanEvery is the pause between two looks for what processes that were killed have
// left in the local store.
const cleanEvery = time.Hour

// cleanLocal removes, until ctx ends, what no upload in the database can need.
func (a *App) cleanLocal(ctx context.Context, store *localstore.Store) {
	ticker := time.NewTicker(cleanEvery)
	defer ticker.Stop()
	report := nowAndThen("clean the local store")
	for {
		if _, err := store.Sweep(ctx, a.config.OssService.Unfinished+cleanEvery); err != nil && ctx.Err() == nil {
			report(err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

func (a *App) startOssRPC(context.Context) (launch.Stop, error) {
	return a.listen("oss-rpc", a.storage, a.config.OssService.ServiceConfig)
}

func (a *App) startOssClient(ctx context.Context) (launch.Stop, error) {
	// The service bounds what its providers take; the call is given more.
	timeout := a.config.OssService.CompleteTimeout + a.config.OssService.Timeout + a.config.Rpc.Timeout
	client, err := a.connect(ctx, a.storage, "oss-rpc", "OssService.Endpoints", a.config.OssService.Endpoints, "127.0.0.1:9004", timeout)
	if err != nil {
		return nil, err
	}
	a.ossClient = client
	return func(context.Context) error { return client.Close() }, nil
}

// scratchFolder is where files wait whose length has to be known.
func (a *App) scratchFolder() string {
	if a.config.Oss.Scratch != "" {
		return a.config.Oss.Scratch
	}
	if a.hasServer() {
		return filepath.Join(os.TempDir(), "parley-scratch")
	}
	return filepath.Join(a.config.Data, "scratch")
}

func (a *App) startOssRoutes(context.Context) (launch.Stop, error) {
	folder, err := scratch.Open(a.scratchFolder(), a.config.Oss.ScratchSize)
	if err != nil {
		return nil, fmt.Errorf("Oss.Scratch: %w", err)
	}
	config := a.gateway("oss", a.config.Oss.GatewayConfig)
	config.Scratch = folder
	store, err := a.openLocal()
	if err != nil {
		return nil, err
	}
	clouds := carry.New(nil)
	carriers := ossgateway.Carriers{Clouds: guard.NewCarrier(clouds)}
	var trees []ossgateway.Tree
	if store != nil {
		carriers.Local = store
		trees = append(trees, ossgateway.Tree{Prefix: localstore.Path, Handler: guard.Out(store)})
	}
	routes, err := ossgateway.New(config, a.verifier, a.options.AccessLog, &ossgateway.Services{
		Storage: ossv1.NewOSSServiceClient(a.ossClient), Carrier: guard.Measured{Carrier: carriers},
	}, trees...)
	stop, err := a.addGateway("oss", routes, err)
	if err != nil {
		return nil, err
	}
	return func(ctx context.Context) error {
		defer clouds.Close()
		return stop(ctx)
	}, nil
}
