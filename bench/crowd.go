package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"time"

	"parley/pkg/id"
)

const (
	// crowdSize is how many members a group has at most, the owner counted.
	crowdSize = 2000
	// crowdGroups are the groups of that size over which senders spread.
	crowdGroups = 8

	createPath  = "/group/app/create-group"
	infoPath    = "/group/app/group-info"
	listPath    = "/group/app/group-list"
	membersPath = "/group/app/group-member-list"
	invitePath  = "/group/app/invite-group-members"
	removePath  = "/group/app/group-remove"

	succeeded = `{"result":0,`
)

// crowds are the largest groups that there may be, with the senders among their
// members.
type crowds struct {
	people []id.UID // all but the owner
	groups []id.GID
	conn   *conn // for requests one after the other
}

// gather makes the crowds through Parley, and lets the first reader be in as many
// groups as readers are in.
func (b *bench) gather(ctx context.Context) (err error) {
	strangers, err := newAddresses(crowdSize - len(b.senders))
	if err != nil {
		return err
	}
	c := &b.crowds
	for _, u := range b.senders[1:] {
		c.people = append(c.people, u.uid)
	}
	c.people = append(c.people, strangers...)
	if c.conn, err = dial(b.server.address); err != nil {
		return err
	}
	for range crowdGroups {
		g, err := createGroup(c.conn, b.senders[0], c.people)
		if err != nil {
			return err
		}
		c.groups = append(c.groups, g)
	}
	return b.listGroups(ctx, b.readers[0].uid)
}

// createGroup has somebody make a group with people.
func createGroup(c *conn, owner *user, people []id.UID) (id.GID, error) {
	answer, err := demand(c, owner, createPath, map[string]any{
		"name": "Friends of the log", "avatar": "https://example.com/avatar.png", "introduce": "", "memberIds": people,
	})
	if err != nil {
		return 0, err
	}
	var created struct{ Data struct{ ID id.GID } }
	if err := json.Unmarshal(answer, &created); err != nil {
		return 0, fmt.Errorf("create-group answered %.200q: %w", answer, err)
	}
	return created.Data.ID, nil
}

// demand sends a request of somebody that has to succeed. The answer is valid
// until the next.
func demand(c *conn, u *user, path string, body map[string]any) ([]byte, error) {
	text, err := json.Marshal(body)
	if err != nil {
		return nil, err
	}
	if err := c.SetDeadline(time.Now().Add(answerTimeout)); err != nil {
		return nil, err
	}
	answer, err := c.do(postJSON(path, u.token(), string(text)))
	if err != nil {
		return nil, err
	}
	if !bytes.HasPrefix(answer, []byte(succeeded)) {
		return nil, fmt.Errorf("%s answered %.200q", path, answer)
	}
	return answer, nil
}

// listGroups makes the group service know the groups of readers, with u as their
// owner, past Parley: the log knows them already, see joinGroups.
func (b *bench) listGroups(ctx context.Context, u id.UID) error {
	var groups, members []any
	for i := range readerGroups {
		g := int64(firstGroup) + int64(i)
		groups = append(groups, g, fmt.Sprint(10_000_000+i), "Readers", "Readers", "https://example.com/avatar.png", "", "0123456789abcdef0123456789abcdef",
			0, 0, 0, 0, 0, crowdSize, 1, 0, 1, time.Now().UnixMilli())
		members = append(members, g, string(u), 0, 1, "", 0)
	}
	if err := insertRows(ctx, b.parleyDB, "chat_group (id, mark_id, name, public_name, avatar, introduce, secret, status, join_type, mute_type, friend_type, group_type, maximum, member_num, admin_num, seats, created_at)",
		groups, readerGroups); err != nil {
		return err
	}
	return insertRows(ctx, b.parleyDB, "group_member (group_id, user_id, standing, seat, name, muted_until)", members, readerGroups)
}
