package oss

import "time"

// BucketConfig is a bucket at a provider and how to reach it.
type BucketConfig struct {
	// Endpoint is the provider's address, such as https://oss-cn-hangzhou.aliyuncs.com
	// or http://minio:9000.
	Endpoint string
	Region   string
	Bucket   string
	// PublicURL is where browsers read the bucket, without a slash at its end.
	// Empty: what the endpoint means.
	PublicURL string

	AccessKeyID     string
	AccessKeySecret string

	// Role is who temporary credentials act as: the ARN of a RAM role at Aliyun, the
	// name of an agency at Huawei, an ARN or nothing at MinIO.
	Role string
	// RoleDomain is the account that the agency belongs to, at Huawei.
	RoleDomain string
	// TokenEndpoint is where temporary credentials come from. Empty: what the region
	// means, or the endpoint of MinIO.
	TokenEndpoint string
	// TokenPrefix is what the keys begin with that temporary credentials may write.
	// Empty: any key.
	TokenPrefix string
	// TokenLife is how long temporary credentials live, from 15 minutes to an hour
	// or what the role allows.
	TokenLife time.Duration
}
