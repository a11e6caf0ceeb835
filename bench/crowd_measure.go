package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/id"
)

// crowdCosts is what the largest groups cost.
type crowdCosts struct {
	private         sample // push2 to users, measured next to the others
	several, single sample // push2 to several groups, to one
	infoMany        sample // of one group
	infoSeveral     sample // of several groups
	infoOne         sample
	list, members   sample // with one client
	create          sample
	rows            sample // the rows of create, inserted bare
	invite, remove  intrusion
}

// intrusion is a change of all members of a group, and what others notice of it.
type intrusion struct {
	change sample
	// waits are the longest times that a private message took during each
	// change, and calm is how long they take otherwise.
	waits sample
	calm  time.Duration
}

// creations and intrusions are how often groups are made and changed in a round.
const (
	creations  = 12
	intrusions = 6
)

func (b *bench) measureCrowds(ctx context.Context) (c crowdCosts, err error) {
	for _, m := range []struct {
		name string
		to   *sample
		next func(*user) (func() []byte, error)
	}{
		{"crowd-private", &c.private, b.sendsToMany},
		{"crowd-several", &c.several, b.sendsToGroups(b.crowds.groups)},
		{"crowd-single", &c.single, b.sendsToGroups(b.crowds.groups[:1])},
	} {
		if *m.to, err = b.load(ctx, m.name, b.server.address, b.senders, m.next, pushed, b.meter); err != nil {
			return c, fmt.Errorf("measure push2, %s: %w", m.name, err)
		}
	}
	several := func(u *user) (func() []byte, error) {
		requests := make([][]byte, len(b.crowds.groups))
		for i, g := range b.crowds.groups {
			requests[i] = postJSON(infoPath, u.token(), fmt.Sprintf(`{"id":%d}`, g))
		}
		at := slices.Index(b.senders, u)
		return func() []byte {
			at++
			return requests[at%len(requests)]
		}, nil
	}
	asks := func(path, body string) func(*user) (func() []byte, error) {
		return func(u *user) (func() []byte, error) { return always(postJSON(path, u.token(), body)), nil }
	}
	group := fmt.Sprintf(`{"id":%d}`, b.crowds.groups[0])
	for _, m := range []struct {
		name  string
		to    *sample
		users []*user
		next  func(*user) (func() []byte, error)
	}{
		{"group-info-many", &c.infoMany, b.senders, asks(infoPath, group)},
		{"group-info-several", &c.infoSeveral, b.senders, several},
		{"group-info-one", &c.infoOne, b.senders[:1], asks(infoPath, group)},
		{"group-list", &c.list, b.readers[:1], asks(listPath, "{}")},
		{"group-member-list", &c.members, b.senders[:1], asks(membersPath, group)},
	} {
		if *m.to, err = b.load(ctx, m.name, b.server.address, m.users, m.next, succeeded, b.meter); err != nil {
			return c, fmt.Errorf("measure %s: %w", m.name, err)
		}
	}
	if c.create, c.rows, err = b.measureCreate(ctx); err != nil {
		return c, fmt.Errorf("measure create-group: %w", err)
	}
	if err = b.measureIntrusions(ctx, &c); err != nil {
		return c, fmt.Errorf("measure changes of all members: %w", err)
	}
	return c, nil
}

// sendsToGroups makes messages from a user to one group after the other.
func (b *bench) sendsToGroups(groups []id.GID) func(*user) (func() []byte, error) {
	return func(u *user) (func() []byte, error) {
		requests := make([]*pushRequest, len(groups))
		for i, g := range groups {
			var err error
			if requests[i], err = newPushRequest(u, wirev1.ChannelType_CHANNEL_TYPE_GROUP, g.String()); err != nil {
				return nil, err
			}
		}
		at := slices.Index(b.senders, u)
		return func() []byte {
			at++
			return requests[at%len(requests)].next()
		}, nil
	}
}

// measureCreate makes groups, then inserts their rows bare.
func (b *bench) measureCreate(ctx context.Context) (create, bare sample, err error) {
	var groups []id.GID
	create, err = b.repeat(ctx, "create-group", creations, 1, func(int) error {
		g, err := createGroup(b.crowds.conn, b.senders[0], b.crowds.people)
		groups = append(groups, g)
		return err
	})
	if err != nil {
		return create, bare, err
	}
	copies := make([][]rows, len(groups))
	for i, g := range groups {
		if copies[i], err = b.rowsOf(ctx, g); err != nil {
			return create, bare, err
		}
	}
	bare, err = b.repeat(ctx, "create-rows", creations, 1, func(i int) error { return insertGroup(ctx, b.bareDB, copies[i]) })
	return create, bare, err
}

// rows are rows of a table.
type rows struct {
	table string
	list  [][]any
}

// rowsOf reads everything that is stored of a new group, in the order in which
// members were named.
func (b *bench) rowsOf(ctx context.Context, g id.GID) ([]rows, error) {
	var all []rows
	for _, t := range []struct{ table, query string }{
		{"chat_group", "SELECT * FROM chat_group WHERE id = ?"},
		{"group_member", "SELECT * FROM group_member WHERE group_id = ? ORDER BY seat"},
		{"log_group", "SELECT * FROM log_group WHERE group_id = ?"},
		{"log_member", "SELECT l.* FROM log_member l JOIN group_member m USING (group_id, user_id) WHERE l.group_id = ? ORDER BY m.seat"},
		{"log_event", "SELECT * FROM log_event WHERE group_id = ? ORDER BY pos"},
	} {
		list, err := scanRows(b.parleyDB.QueryContext(ctx, t.query, int64(g)))
		if err != nil {
			return nil, fmt.Errorf("read the rows of group %s in %s: %w", g, t.table, err)
		}
		if t.table == "log_event" {
			for i := range list { // the bare log is at another position
				b.bareHead++
				list[i][0] = int64(b.bareHead)
			}
		}
		all = append(all, rows{t.table, list})
	}
	return all, nil
}

func scanRows(r *sql.Rows, err error) ([][]any, error) {
	if err != nil {
		return nil, err
	}
	defer r.Close()
	columns, err := r.Columns()
	if err != nil {
		return nil, err
	}
	var list [][]any
	for r.Next() {
		row, to := make([]any, len(columns)), make([]any, len(columns))
		for i := range row {
			to[i] = &row[i]
		}
		if err := r.Scan(to...); err != nil {
			return nil, err
		}
		list = append(list, row)
	}
	return list, r.Err()
}

// insertGroup writes the rows of a group in one transaction, batchRows a
// statement.
func insertGroup(ctx context.Context, db *sql.DB, all []rows) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer tx.Rollback()
	for _, t := range all {
		for chunk := range slices.Chunk(t.list, batchRows) {
			if err := insertRows(ctx, tx, t.table, slices.Concat(chunk...), len(chunk)); err != nil {
				return err
			}
		}
	}
	return tx.Commit()
}

// measureIntrusions invites everybody into a group that has but an owner, then
// removes them, over and over, while somebody else sends private messages.
func (b *bench) measureIntrusions(ctx context.Context, c *crowdCosts) error {
	by, err := b.startBystander()
	if err != nil {
		return err
	}
	groups := make([]id.GID, intrusions)
	for i := range groups {
		if groups[i], err = createGroup(b.crowds.conn, b.senders[0], nil); err != nil {
			return errors.Join(err, by.stop())
		}
	}
	for _, m := range []struct {
		name, path, field string
		to                *intrusion
	}{
		{"invite", invitePath, "newMemberIds", &c.invite},
		{"remove", removePath, "memberIds", &c.remove},
	} {
		if err := pause(ctx, b.window/4); err != nil {
			return errors.Join(err, by.stop())
		}
		m.to.calm = by.median()
		m.to.change, err = b.repeat(ctx, m.name, intrusions, 1, func(i int) error {
			by.median() // forget what was before
			_, err := demand(b.crowds.conn, b.senders[0], m.path, map[string]any{"id": groups[i], m.field: b.crowds.people})
			// What was sent during the change may still be on its way.
			time.Sleep(5 * time.Millisecond)
			m.to.waits.latencies = append(m.to.waits.latencies, by.longest())
			return err
		})
		if err != nil {
			return errors.Join(err, by.stop())
		}
		m.to.waits.requests, m.to.waits.took = m.to.change.requests, m.to.change.took
		slices.Sort(m.to.waits.latencies)
	}
	return by.stop()
}

// bystander sends private messages one after the other and notes how long each
// takes.
type bystander struct {
	mu    sync.Mutex
	took  []time.Duration
	end   chan struct{}
	ended chan error
}

func (b *bench) startBystander() (*bystander, error) {
	c, err := dial(b.server.address)
	if err != nil {
		return nil, err
	}
	next, err := b.sendsToMany(b.senders[1])
	if err != nil {
		return nil, errors.Join(err, c.Close())
	}
	by := &bystander{end: make(chan struct{}), ended: make(chan error, 1)}
	go func() {
		defer c.Close()
		for {
			select {
			case <-by.end:
				by.ended <- nil
				return
			default:
			}
			began := time.Now()
			if _, err := push(c, next()); err != nil {
				by.ended <- err
				<-by.end
				return
			}
			by.mu.Lock()
			by.took = append(by.took, time.Since(began))
			by.mu.Unlock()
		}
	}()
	return by, nil
}

func (by *bystander) stop() error {
	close(by.end)
	return <-by.ended
}

// take returns how long messages took since it was last called, sorted.
func (by *bystander) take() []time.Duration {
	by.mu.Lock()
	defer by.mu.Unlock()
	took := by.took
	by.took = nil
	slices.Sort(took)
	return took
}

func (by *bystander) median() time.Duration {
	if took := by.take(); len(took) > 0 {
		return took[len(took)/2]
	}
	return 0
}

func (by *bystander) longest() time.Duration {
	if took := by.take(); len(took) > 0 {
		return took[len(took)-1]
	}
	return 0
}

func reportCrowds(r *report, rounds []*round) {
	const mariadb = 1 // in the meter
	database := func(s sample) time.Duration { return s.cpu[mariadb] / time.Duration(s.requests) }
	r.atMost("push2, 64 senders to 8 groups of 2,000: MariaDB's CPU against private ones", median(rounds, func(x *round) float64 {
		return ratio(database(x.crowds.several), database(x.crowds.private))
	}), 1.2, "")
	r.atMost("push2, 64 senders to one group of 2,000: MariaDB's CPU against private ones", median(rounds, func(x *round) float64 {
		return ratio(database(x.crowds.single), database(x.crowds.private))
	}), 1.2, "")
	r.atMost("group-info of a group of 2,000, 64 clients: CPU against C", median(rounds, func(x *round) float64 {
		return ratio(x.crowds.infoMany.cpuEach(), x.calibration.refused.cpuEach())
	}), 4, "")
	r.note("group-info of 8 groups of 2,000, 64 clients: CPU against C", number(median(rounds, func(x *round) float64 {
		return ratio(x.crowds.infoSeveral.cpuEach(), x.calibration.refused.cpuEach())
	})))
	r.note("group-info of a group of 2,000, one client: CPU against C with one client", number(median(rounds, func(x *round) float64 {
		return ratio(x.crowds.infoOne.cpuEach(), x.calibration.alone.cpuEach())
	})))
	r.atMost("create-group with 2,000 members: time against its rows inserted bare", median(rounds, func(x *round) float64 {
		return ratio(x.crowds.create.median(), x.crowds.rows.median())
	}), 3, "")
	r.note("create-group with 2,000 members: CPU against its rows inserted bare", number(median(rounds, func(x *round) float64 {
		return ratio(x.crowds.create.cpuEach(), x.crowds.rows.cpuEach())
	})))
	for _, i := range []struct {
		what string
		of   func(*round) intrusion
	}{
		{"invitation", func(x *round) intrusion { return x.crowds.invite }},
		{"removal", func(x *round) intrusion { return x.crowds.remove }},
	} {
		r.note("longest time of a private message during the "+i.what+" of 1,999 (otherwise)", fmt.Sprintf("%s (%s)",
			micros(median(rounds, func(x *round) time.Duration { return i.of(x).waits.median() })),
			micros(median(rounds, func(x *round) time.Duration { return i.of(x).calm }))))
	}
	for _, f := range []struct {
		what string
		of   func(*round) sample
	}{
		{"push2, 64 senders, private", func(x *round) sample { return x.crowds.private }},
		{"push2, 64 senders to 8 groups of 2,000", func(x *round) sample { return x.crowds.several }},
		{"push2, 64 senders to one group of 2,000", func(x *round) sample { return x.crowds.single }},
		{"group-info, 64 clients, one group", func(x *round) sample { return x.crowds.infoMany }},
		{"group-info, 64 clients, 8 groups", func(x *round) sample { return x.crowds.infoSeveral }},
		{"group-info, one client", func(x *round) sample { return x.crowds.infoOne }},
		{"group-list of 200 groups", func(x *round) sample { return x.crowds.list }},
		{"group-member-list of 2,000", func(x *round) sample { return x.crowds.members }},
		{"create-group with 2,000 members", func(x *round) sample { return x.crowds.create }},
		{"the same rows inserted bare", func(x *round) sample { return x.crowds.rows }},
		{"invitation of 1,999, someone else sending", func(x *round) sample { return x.crowds.invite.change }},
		{"removal of 1,999, someone else sending", func(x *round) sample { return x.crowds.remove.change }},
	} {
		samples(r, f.what, rounds, f.of)
	}
}
