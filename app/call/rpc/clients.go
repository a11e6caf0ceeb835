package rpc

import (
	"context"
	"time"

	groupv1 "parley/api/proto/group/v1"
	"parley/app/call"
	"parley/app/presence"
	"parley/pkg/fault"
	"parley/pkg/id"
)

// Members is a call.Members that asks the group service.
type Members struct{ Groups groupv1.GroupServiceClient }

var _ call.Members = Members{}

// Check implements call.Members.
func (m Members) Check(ctx context.Context, group id.GID, caller id.UID, others []id.UID) error {
	answer, err := m.Groups.CheckMembers(ctx, &groupv1.CheckMembersRequest{Caller: string(caller), Group: int64(group), Uids: id.Texts(others)})
	if err != nil {
		return err
	}
	if len(answer.GetAbsent()) > 0 {
		return fault.TargetNotMember
	}
	return nil
}

// Presence is a call.Presence that asks what the socket gateways told.
type Presence struct{ Reader *presence.Reader }

var _ call.Presence = Presence{}

// Steady implements call.Presence.
func (p Presence) Steady(ctx context.Context, u id.UID, since time.Time) (bool, error) {
	present, err := p.Reader.Of(ctx, u)
	if err != nil {
		return false, err
	}
	return present.Steady(since), nil
}
