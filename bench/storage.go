package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"parley/e2e/servers/fixture"
)

const (
	// partSize is that of the parts whose rates are compared, in bytes, and
	// partsEach how many each of those who send at once sends.
	partSize  = 64 << 20
	partsEach = 4
	// crowdOfFiles are uploaded at once, of fileSize bytes each, while the gateway's
	// memory is watched.
	crowdOfFiles = 32
	fileSize     = 256 << 20
	// What must hold of the rate of parts through the gateway, and of what the crowd
	// adds to its memory in megabytes.
	minAlone, minTogether = 90, 75
	minLocal              = 70
	maxCrowd              = 64
	// together is how many send at once.
	together = 4
	// storageRounds is how often the rates are measured at least.
	storageRounds = 5
)

// storage is what the scenario of object storage runs on.
type storage struct {
	*bench
	s3      *fixture.S3
	direct  *minio.Core
	service *parley // oss-rpc, of which only the log is of interest
	gateway *parley // in front of the S3 server
	local   *parley // with a store of its own
	bare    *bareServer
	user    *user
}

// storageRates are bytes a second, alone and together.
type storageRates struct{ direct, gateway, bare, local [2]float64 }

// measureStorage compares what goes through the gateway with what goes past it.
func (b *bench) measureStorage(ctx context.Context) (err error) {
	s := &storage{bench: b, user: b.senders[0]}
	stop, err := s.start(ctx)
	defer func() { err = errors.Join(err, stop()) }()
	if err != nil {
		return err
	}
	rounds := make([]storageRates, max(b.rounds, storageRounds))
	for i := range rounds {
		progress("storage, round %d of %d", i+1, len(rounds))
		if err := s.measureRates(ctx, &rounds[i]); err != nil {
			return fmt.Errorf("%w\nthe gateway said:\n%s\nthe service said:\n%s", err, s.gateway.logTail(), s.service.logTail())
		}
	}
	s.reportRates(rounds)
	return s.measureCrowd(ctx)
}

func (s *storage) reportRates(rounds []storageRates) {
	percent := func(i int, of, to func(storageRates) [2]float64) float64 {
		return median(rounds, func(r storageRates) float64 { return of(r)[i] / to(r)[i] * 100 })
	}
	direct, gateway := func(r storageRates) [2]float64 { return r.direct }, func(r storageRates) [2]float64 { return r.gateway }
	bare, local := func(r storageRates) [2]float64 { return r.bare }, func(r storageRates) [2]float64 { return r.local }
	r := s.report
	r.atLeast("parts of 64 MiB through the gateway, one: rate against minio-go", percent(0, gateway, direct), minAlone, " %")
	r.atLeast("parts of 64 MiB through the gateway, four at once: rate against minio-go", percent(1, gateway, direct), minTogether, " %")
	r.atLeast("parts of 64 MiB into the local store, one: rate against a bare loop", percent(0, local, bare), minLocal, " %")
	r.atLeast("parts of 64 MiB into the local store, four at once: rate against a bare loop", percent(1, local, bare), minLocal, " %")
	for _, rate := range []struct {
		what string
		of   func(storageRates) [2]float64
	}{{"minio-go", direct}, {"the gateway", gateway}, {"the bare loop", bare}, {"the local store", local}} {
		r.note("rate of "+rate.what+", one and four at once", fmt.Sprintf("%s and %s MB/s",
			number(median(rounds, func(x storageRates) float64 { return rate.of(x)[0] / megabyte })),
			number(median(rounds, func(x storageRates) float64 { return rate.of(x)[1] / megabyte }))))
	}
}

// start starts the servers. What it started is stopped by stop, whether it failed or
// not.
func (s *storage) start(ctx context.Context) (stop func() error, err error) {
	var stops []func() error
	stop = func() (err error) {
		for i := range stops {
			err = errors.Join(err, stops[len(stops)-1-i]())
		}
		return err
	}
	progress("starting an S3 server")
	if s.s3, err = fixture.StartS3(ctx); err != nil {
		return stop, err
	}
	stops = append(stops, s.s3.Stop)
	if s.direct, err = minio.NewCore(s.s3.Addr, &minio.Options{
		Creds: credentials.NewStaticV4(s.s3.AccessKeyID, s.s3.AccessKeySecret, ""), Region: "us-east-1",
	}); err != nil {
		return stop, err
	}
	if err := s.direct.MakeBucket(ctx, storageBucket, minio.MakeBucketOptions{}); err != nil {
		return stop, fmt.Errorf("make a bucket: %w", err)
	}
	db, err := s.newDatabase(ctx, "storage")
	if err != nil {
		return stop, err
	}
	stops = append(stops, db.Close)
	if err := s.startParleys(ctx, &stops); err != nil {
		return stop, err
	}
	folder := filepath.Join(s.folder, "bare-store")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return stop, err
	}
	if s.bare, err = startSelf(ctx, "", "-bare-store", folder); err != nil {
		return stop, err
	}
	stops = append(stops, s.bare.stop)
	return stop, nil
}

const storageBucket = "bench"

// startParleys starts the service and the gateway apart, so that the memory of the
// gateway is its own, and a Parley with everything and the local store.
func (s *storage) startParleys(ctx context.Context, stops *[]func() error) error {
	rpc, err := freeAddress()
	if err != nil {
		return err
	}
	http, err := freeAddress()
	if err != nil {
		return err
	}
	folder := filepath.Join(s.folder, "storage")
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	limits := "Oss: {Listen: %q, MaxBody: %d}\nOssService: {Listen: %q, Endpoints: [%q], MaxFile: %d, Apps: %s}\n"
	apps := fmt.Sprintf("[{AppID: dtalk, Providers: [{Type: minio, Endpoint: %q, Bucket: %s, AccessKeyID: %s, AccessKeySecret: %s}]}]",
		"http://"+s.s3.Addr, storageBucket, s.s3.AccessKeyID, s.s3.AccessKeySecret)
	config := filepath.Join(folder, "parley.yaml")
	text := fmt.Sprintf("Database: {DSN: %q}\nRedis: {Addrs: [%q]}\n"+limits, s.mariadb.DSN("storage"), s.redis.Addr, http, fileSize+megabyte, rpc, rpc, fileSize, apps)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	// The service has no HTTP of its own; the gateway answers when it does.
	if s.service, err = startService(ctx, s.binary, filepath.Join(folder, "service"), "-target", "oss-rpc", "-config", config); err != nil {
		return err
	}
	*stops = append(*stops, s.service.stop)
	if s.gateway, err = startTarget(ctx, s.binary, filepath.Join(folder, "gateway"), http, "-target", "oss", "-config", config); err != nil {
		return fmt.Errorf("%w\nthe service said:\n%s", err, s.service.logTail())
	}
	*stops = append(*stops, s.gateway.stop)

	config = filepath.Join(folder, "local.yaml")
	text = fmt.Sprintf("Oss: {MaxBody: %d}\nOssService: {MaxFile: %d}\n", fileSize+megabyte, fileSize)
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		return err
	}
	if s.local, err = startParley(ctx, s.binary, filepath.Join(folder, "local"), "-config", config); err != nil {
		return err
	}
	*stops = append(*stops, s.local.stop)
	return nil
}

// measureRates measures each thing alone and together, one soon after the other.
func (s *storage) measureRates(ctx context.Context, r *storageRates) error {
	for i, senders := range []int{1, together} {
		for _, m := range []struct {
			into *[2]float64
			send func(context.Context, int) (time.Duration, error)
		}{
			{&r.direct, s.sendDirect}, {&r.gateway, s.sendThrough(s.gateway)},
			{&r.bare, s.sendBare}, {&r.local, s.sendThrough(s.local)},
		} {
			took, err := m.send(ctx, senders)
			if err != nil {
				return err
			}
			m.into[i] = float64(senders*partsEach) * partSize / took.Seconds()
		}
	}
	return nil
}

// measureCrowd watches the memory of the gateway while many large files go through.
func (s *storage) measureCrowd(ctx context.Context) error {
	progress("storage, %d files of %d MB at once", crowdOfFiles, fileSize/megabyte)
	before, err := memoryOf(s.gateway.pid(), resident)
	if err != nil {
		return err
	}
	if err := s.uploadCrowd(ctx); err != nil {
		return fmt.Errorf("%w\nthe gateway said:\n%s", err, s.gateway.logTail())
	}
	most, err := memoryOf(s.gateway.pid(), peak)
	if err != nil {
		return err
	}
	s.report.atMost("32 files of 256 MiB at once: memory that they add to the gateway", float64(most-before)/megabyte, maxCrowd, " MB")
	return nil
}
