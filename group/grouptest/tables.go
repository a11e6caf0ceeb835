package grouptest

import (
	"fmt"

	"parley/pkg/eventlog"
	"parley/pkg/id"
)

// Faults are the ways in which the tables of a group contradict themselves and
// the log's: counts, the one owner, and what the log judges by.
func (w *World) Faults(g id.GID) (faults []string) {
	w.Helper()
	complain := func(format string, args ...any) { faults = append(faults, fmt.Sprintf(format, args...)) }
	var status, members, admins, muteType, seats int64
	w.row(&status, &members, &admins, &muteType, &seats)(
		"SELECT status, member_num, admin_num, mute_type, seats FROM chat_group WHERE id = ?", int64(g))
	var logStatus, muteAll, closedAt int64
	w.row(&logStatus, &muteAll, &closedAt)("SELECT status, mute_all, closed_at FROM log_group WHERE group_id = ?", int64(g))
	var owners, countedAdmins, counted, lastSeat, distinctSeats, everybody int64
	w.row(&owners, &countedAdmins, &counted, &lastSeat, &distinctSeats, &everybody)(`SELECT
		COALESCE(SUM(standing = 0), 0), COALESCE(SUM(standing = 1), 0), COALESCE(SUM(standing < 3), 0), MAX(seat), COUNT(DISTINCT seat), COUNT(*)
		FROM group_member WHERE group_id = ?`, int64(g))

	if counted != members || countedAdmins != admins {
		complain("memberNum is %d and adminNum %d, but there are %d members and %d admins", members, admins, counted, countedAdmins)
	}
	if alive := status != int64(eventlog.Disbanded); alive && owners != 1 || !alive && counted != 0 {
		complain("with status %d there are %d owners and %d members", status, owners, counted)
	}
	if lastSeat > seats || distinctSeats != everybody {
		complain("of %d seats the last is %d, and %d people share %d", seats, lastSeat, everybody, distinctSeats)
	}
	if logStatus != status || muteAll != muteType || (closedAt != 0) != (status == int64(eventlog.Disbanded)) {
		complain("status %d and muteType %d are %d and %d in the log, closed at %d", status, muteType, logStatus, muteAll, closedAt)
	}
	if closedAt == 0 {
		faults = append(faults, w.differences(g)...)
	}
	return faults
}

// differences are those between the members of a group and the open intervals
// in the log.
func (w *World) differences(g id.GID) (faults []string) {
	w.Helper()
	here := w.people("SELECT user_id, 2 - standing, muted_until FROM group_member WHERE standing < 3 AND group_id = ?", g)
	log := w.people(fmt.Sprintf("SELECT user_id, role, muted_until FROM log_member WHERE to_pos = %d AND group_id = ?", int64(eventlog.Forever)), g)
	for u, m := range here {
		if l, ok := log[u]; !ok {
			faults = append(faults, fmt.Sprintf("%s is a member but has no open interval", u))
		} else if l != m {
			faults = append(faults, fmt.Sprintf("%s has role and mute %v, but %v in the log", u, m, l))
		}
	}
	for u := range log {
		if _, ok := here[u]; !ok {
			faults = append(faults, fmt.Sprintf("%s is no member but has an open interval", u))
		}
	}
	return faults
}

// people reads users with two numbers each.
func (w *World) people(query string, g id.GID) map[string][2]int64 {
	w.Helper()
	rows, err := w.DB.ReaderSQL().Query(query, int64(g))
	w.Must("read members", err)
	defer rows.Close()
	people := make(map[string][2]int64)
	for rows.Next() {
		var u string
		var n [2]int64
		w.Must("read members", rows.Scan(&u, &n[0], &n[1]))
		people[u] = n
	}
	w.Must("read members", rows.Err())
	return people
}

// row returns what reads the one row of a query into dest.
func (w *World) row(dest ...any) func(query string, args ...any) {
	return func(query string, args ...any) {
		w.Helper()
		w.Must(query, w.DB.ReaderSQL().QueryRow(query, args...).Scan(dest...))
	}
}
