// Package miniotest gives tests what MinIO does: a bucket of their own on a real
// server of its protocol, and a fake of the service that issues temporary
// credentials, which that server does not have.
package miniotest

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"parley/oss"
)

// Bucket makes a bucket on the server of PARLEY_TEST_S3, whose objects anybody may
// read. It is gone with the test, which is skipped where no server is named.
func Bucket(t testing.TB) oss.BucketConfig {
	t.Helper()
	text := os.Getenv("PARLEY_TEST_S3")
	if text == "" {
		t.Skip("it needs a server of S3: make test-servers")
	}
	server, err := url.Parse(text)
	if err != nil || server.User == nil {
		t.Fatal("PARLEY_TEST_S3 is not like http://access:secret@host:port")
	}
	secret, _ := server.User.Password()
	config := oss.BucketConfig{
		Endpoint:        server.Scheme + "://" + server.Host,
		Region:          "us-east-1",
		Bucket:          "test-" + strings.ToLower(rand.Text()),
		AccessKeyID:     server.User.Username(),
		AccessKeySecret: secret,
	}
	client, err := minio.NewCore(server.Host, &minio.Options{
		Creds:  credentials.NewStaticV4(config.AccessKeyID, config.AccessKeySecret, ""),
		Secure: server.Scheme == "https", Region: config.Region, BucketLookup: minio.BucketLookupPath,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := client.MakeBucket(t.Context(), config.Bucket, minio.MakeBucketOptions{Region: config.Region}); err != nil {
		t.Fatalf("make a bucket: %v", err)
	}
	t.Cleanup(func() { remove(t, client, config.Bucket) })
	if err := client.SetBucketPolicy(t.Context(), config.Bucket, anybodyReads(config.Bucket)); err != nil {
		t.Fatalf("let anybody read the bucket: %v", err)
	}
	return config
}

// anybodyReads is the policy of a bucket whose objects are public, but may not be
// listed.
func anybodyReads(bucket string) string {
	return fmt.Sprintf(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":"*",`+
		`"Action":["s3:GetObject"],"Resource":["arn:aws:s3:::%s/*"]}]}`, bucket)
}

// remove takes a bucket away with all that is in it.
func remove(t testing.TB, client *minio.Core, bucket string) {
	t.Helper()
	ctx := context.Background() // that of the test has ended
	for {
		uploads, err := client.ListMultipartUploads(ctx, bucket, "", "", "", "", 1000)
		if err != nil {
			t.Errorf("list the uploads: %v", err)
			return
		}
		for _, u := range uploads.Uploads {
			if err := client.AbortMultipartUpload(ctx, bucket, u.Key, u.UploadID); err != nil {
				t.Errorf("abort an upload: %v", err)
				return
			}
		}
		if !uploads.IsTruncated {
			break
		}
	}
	// The folders of objects are listed as objects too, and go with what is in them.
	objects := client.Client.ListObjects(ctx, bucket, minio.ListObjectsOptions{Recursive: true})
	for o := range objects {
		err := o.Err
		if err == nil {
			err = client.RemoveObject(ctx, bucket, o.Key, minio.RemoveObjectOptions{})
		}
		if err != nil {
			t.Errorf("remove an object: %v", err)
		}
	}
	if err := client.RemoveBucket(ctx, bucket); err != nil {
		t.Errorf("remove the bucket: %v", err)
	}
}
