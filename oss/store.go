package oss

import (
	"context"
	"time"

	"parley/pkg/id"
)

// Store keeps who owns which object, and the uploads that are not finished.
type Store interface {
	// Do runs fn in a transaction, and again from its start when that loses against
	// another one. What fn changes outside must not matter until Do returns nil.
	Do(ctx context.Context, fn func(Tx) error) error
	// Entry returns what is known of an object, or nil.
	Entry(ctx context.Context, n Name) (*Entry, error)
	// Upload returns an upload as it is, without a lock, or nil.
	Upload(ctx context.Context, uploadID string) (*Upload, error)
	// Uploads returns the uploads of an object that are not completed.
	Uploads(ctx context.Context, n Name) ([]Upload, error)
	// Expired returns uploads, completed ones too, that ended before a time, in the
	// order of their ends, and when there are many, some of them. After is the last one
	// that was returned, or nil.
	Expired(ctx context.Context, before time.Time, after *Upload) ([]Upload, error)
}

// Tx is a transaction of a Store. What it returns is locked until its end, other
// than by Live and Parts. Locks are taken in the order upload, entry, what a user
// stores, so that no two wait for each other.
type Tx interface {
	// Enter returns the entry of an object, which it makes, as a claim of owner, if
	// there is none.
	Enter(n Name, owner id.UID) (*Entry, error)
	SaveEntry(*Entry) error
	DropEntry(*Entry) error
	// Live reports whether an upload of the object, which has another id than except,
	// is open and has not expired.
	Live(n Name, except string, now time.Time) (bool, error)

	// Upload returns an upload, or nil.
	Upload(uploadID string) (*Upload, error)
	InsertUpload(*Upload) error
	SaveUpload(*Upload) error
	// DropUpload removes an upload and its parts.
	DropUpload(uploadID string) error

	// Part returns a part, or nil; Parts those of an upload, by their numbers.
	Part(uploadID string, number int32) (*StoredPart, error)
	Parts(uploadID string) ([]StoredPart, error)
	SavePart(uploadID string, p StoredPart) error
	DropParts(uploadID string) error

	// Spend adds bytes to what a user of an app has stored; fewer when negative. It
	// reports false, and adds nothing, when that would be more than quota, if quota is
	// not 0.
	Spend(app string, owner id.UID, bytes, quota int64) (bool, error)
}

// Name is the full name of an object, which two objects never share.
type Name struct {
	App      string
	Provider string
	Bucket   string
	Key      Key
}

// Entry is what is known of an object: whose it is. Before its first upload has
// ended it is a claim, which is good as long as an upload of the object lives.
type Entry struct {
	ID     int64
	Name   Name
	Owner  id.UID
	Stored bool  // it is an object, no mere claim
	Size   int64 // in bytes
	At     time.Time
}

// Upload is an upload of an object, in one piece or in parts.
type Upload struct {
	ID    string
	Name  Name
	Owner id.UID
	Whole bool
	// Remote is the provider's id of an upload in parts. It is "" until the provider
	// has begun it.
	Remote string
	// Reserved is how many bytes of the quota the upload holds.
	Reserved  int64
	Completed bool
	// Digest is of the parts that the upload is being completed with, or was.
	Digest    []byte
	StartedAt time.Time
	ExpiresAt time.Time
}

// StoredPart is a part that was signed and, when it has an ETag, written.
type StoredPart struct {
	Part
	Size     int64 // in bytes, as it was written
	Reserved int64 // in bytes, what it may have been written with since
}
