package eventlog

import (
	"fmt"
	"slices"
	"strings"

	"parley/pkg/id"
)

// memberChunk is how many members one statement inserts or changes.
const memberChunk = 500

// Newcomer is somebody who comes into a group.
type Newcomer struct {
	User id.UID
	Role Role
	// MutedUntil is in Unix milliseconds: a mute outlives leaving. 0 is none.
	MutedUntil int64
}

// OpenGroup makes the log know a new group and its first members. They read
// it from its beginning, for it has no events yet; so this may come before the
// position lock.
func (tx *Tx) OpenGroup(g id.GID, members ...Newcomer) error {
	if _, err := tx.conn.ExecContext(tx.ctx, "INSERT INTO log_group (group_id, status, mute_all, closed_at) VALUES (?, 0, 0, 0)", int64(g)); err != nil {
		return fmt.Errorf("open group %s in the log: %w", g, err)
	}
	return tx.insertMembers(g, 0, members)
}

// nowhere is where the interval begins of somebody who was admitted: behind every
// position, until Join says where.
const nowhere Position = Forever

// Admit prepares people to join a group. It comes before Append, so that the
// position lock is not held while thousands of rows are inserted; Join follows in
// the same transaction, which fails otherwise.
func (tx *Tx) Admit(g id.GID, newcomers ...Newcomer) error {
	if tx.admitted == nil {
		tx.admitted = make(map[seat]bool)
	}
	for _, n := range newcomers {
		tx.admitted[seat{g, n.User}] = true
	}
	return tx.insertMembers(g, nowhere, newcomers)
}

// Join opens the intervals of users that were admitted at from, the position of
// the signal that tells of it. The signal is not a matter of taste: readers take
// it that places in a group change at its signals only, and a change without it
// fails.
func (tx *Tx) Join(g id.GID, from Position, users ...id.UID) error {
	tx.move(g, from)
	for _, u := range users {
		if !tx.admitted[seat{g, u}] {
			return fmt.Errorf("%s was not admitted to group %s and joins it at %d", u, g, from)
		}
		delete(tx.admitted, seat{g, u})
	}
	return tx.updateMembers(g, "from_pos = ?", int64(from), users)
}

func (tx *Tx) insertMembers(g id.GID, from Position, newcomers []Newcomer) error {
	for chunk := range slices.Chunk(newcomers, memberChunk) {
		args := make([]any, 0, 6*len(chunk))
		for _, n := range chunk {
			args = append(args, int64(g), string(n.User), int64(from), int64(Forever), int64(n.Role), n.MutedUntil)
		}
		rows := strings.TrimSuffix(strings.Repeat("(?,?,?,?,?,?),", len(chunk)), ",")
		if _, err := tx.conn.ExecContext(tx.ctx,
			"INSERT INTO log_member (group_id, user_id, from_pos, to_pos, role, muted_until) VALUES "+rows, args...); err != nil {
			return fmt.Errorf("add members to group %s in the log: %w", g, err)
		}
	}
	return nil
}

// Leave closes the intervals of users at to, the position of the signal that
// tells of it: those who leave still read that.
func (tx *Tx) Leave(g id.GID, to Position, users ...id.UID) error {
	tx.move(g, to)
	return tx.updateMembers(g, "to_pos = ?", int64(to), users)
}

// SetRole gives a role to members.
func (tx *Tx) SetRole(g id.GID, role Role, users ...id.UID) error {
	return tx.updateMembers(g, "role = ?", int64(role), users)
}

// Mute lets members speak again only after until, in Unix milliseconds; 0
// lifts it.
func (tx *Tx) Mute(g id.GID, until int64, users ...id.UID) error {
	return tx.updateMembers(g, "muted_until = ?", until, users)
}

// updateMembers changes the open intervals of users.
func (tx *Tx) updateMembers(g id.GID, set string, value int64, users []id.UID) error {
	for chunk := range slices.Chunk(users, memberChunk) {
		args := []any{value, int64(g), int64(Forever)}
		for _, u := range chunk {
			args = append(args, string(u))
		}
		if _, err := tx.conn.ExecContext(tx.ctx,
			"UPDATE log_member SET "+set+" WHERE group_id = ? AND to_pos = ? AND user_id IN ("+marks(len(chunk))+")", args...); err != nil {
			return fmt.Errorf("change members of group %s in the log: %w", g, err)
		}
	}
	return nil
}

// SetMuteAll decides whether plain members may speak.
func (tx *Tx) SetMuteAll(g id.GID, on bool) error {
	return tx.updateGroup(g, "mute_all = ?", on)
}

// SetStatus blocks or unblocks a group.
func (tx *Tx) SetStatus(g id.GID, s Status) error {
	return tx.updateGroup(g, "status = ?", int64(s))
}

// Disband closes a group for ever at the position of the signal that tells of
// it. The intervals of its members stay open, which costs one row instead of
// thousands and harms nobody: a disbanded group gets no more events.
func (tx *Tx) Disband(g id.GID, at Position) error {
	tx.move(g, at)
	return tx.updateGroup(g, "status = ?, closed_at = ?", int64(Disbanded), int64(at))
}

func (tx *Tx) updateGroup(g id.GID, set string, values ...any) error {
	if _, err := tx.conn.ExecContext(tx.ctx, "UPDATE log_group SET "+set+" WHERE group_id = ?", append(values, int64(g))...); err != nil {
		return fmt.Errorf("change group %s in the log: %w", g, err)
	}
	return nil
}
