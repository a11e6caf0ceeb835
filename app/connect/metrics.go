package connect

import (
	"errors"
	"net"

	"github.com/lxzan/gws"
	"github.com/prometheus/client_golang/prometheus"

	wirev1 "parley/api/proto/wire/v1"
	"parley/pkg/metrics"
	"parley/pkg/packet"
)

var (
	socketsGauge = metrics.NewGaugeVec("parley_sockets",
		"Sockets that are open: those of each kind of device, plain ones that named none, and new ones that were not let in yet.", "device")
	openedTotal = metrics.NewCounterVec("parley_socket_opened_total",
		"What became of sockets that clients opened: entered; held, because another phone holds the account; refused for the token, the device or the account; "+
			"no_upgrade for a request that is none for a socket; else a reason of parley_socket_closed_total.", "result")
	closedTotal = metrics.NewCounterVec("parley_socket_closed_total",
		"Why sockets that were let in were closed. The client's doing: goodbye, closed, lost (the connection broke), idle (nothing came), silent (nothing was confirmed), "+
			"slow (nothing was read), flood (too many frames), malformed. Ours: replaced by another phone, again (the same device came once more), crowd, stopping, failed.", "reason")
	unconfirmedGauge = metrics.NewGaugeSum("parley_socket_unconfirmed_frames",
		"Events that were sent and that no client has confirmed yet, as of at most a second ago.")
	framesTotal = metrics.NewCounterVec("parley_socket_frames_total",
		"Packets that came in from clients and that went out to them, pings not counted.", "direction")
	resentTotal = metrics.NewCounter("parley_socket_resent_total",
		"Events that were sent again because they were not confirmed for a while.")

	framesIn, framesOut = framesTotal.WithLabelValues("in"), framesTotal.WithLabelValues("out")
	newSockets          = socketsGauge.WithLabelValues("new")
	plainSockets        = socketsGauge.WithLabelValues("plain")
	deviceSockets       = map[wirev1.Device]prometheus.Gauge{
		wirev1.Device_DEVICE_ANDROID: socketsGauge.WithLabelValues("android"),
		wirev1.Device_DEVICE_IOS:     socketsGauge.WithLabelValues("ios"),
		wirev1.Device_DEVICE_WINDOWS: socketsGauge.WithLabelValues("windows"),
		wirev1.Device_DEVICE_LINUX:   socketsGauge.WithLabelValues("linux"),
		wirev1.Device_DEVICE_MAC_OS:  socketsGauge.WithLabelValues("macos"),
		wirev1.Device_DEVICE_WEB:     socketsGauge.WithLabelValues("web"),
	}
	otherSockets = socketsGauge.WithLabelValues("other")
)

// Reasons for which a socket is closed, beside those in reasons.
const (
	becauseSlow      = "slow"
	becauseMalformed = "malformed"
	becauseFailed    = "failed"
	becauseRefused   = "refused"
	becauseClosed    = "closed"
	becauseIdle      = "idle"
	becauseLost      = "lost"
)

// reasons are the errors for which a session ends, as a label.
var reasons = map[error]string{
	errGoodbye:          "goodbye",
	errSilent:           "silent",
	errTooMuch:          "flood",
	errCrowd:            "crowd",
	errReplaced:         "replaced",
	errAgain:            "again",
	errStopping:         "stopping",
	errLate:             "late",
	packet.ErrMalformed: becauseMalformed,
}

func init() {
	for _, r := range []string{becauseSlow, becauseFailed, becauseClosed, becauseIdle, becauseLost} {
		closedTotal.WithLabelValues(r)
	}
	for _, r := range reasons {
		if r != "late" { // it was not let in
			closedTotal.WithLabelValues(r)
		}
	}
	for _, r := range []string{"entered", "held", "late", becauseRefused, "no_upgrade"} {
		openedTotal.WithLabelValues(r)
	}
}

// label is the reason for which the gateway ends a session.
func label(reason error, code uint16) string {
	if r, ok := reasons[reason]; ok {
		return r
	}
	switch code {
	case 1011:
		return becauseFailed
	case 1002, 1003:
		return becauseMalformed
	}
	return becauseRefused
}

// counted moves a session to another series of parley_sockets, or out of them all.
func (s *session) counted(as prometheus.Gauge) {
	if s.gauge != nil {
		s.gauge.Dec()
	}
	if as != nil {
		as.Inc()
	}
	s.gauge = as
}

// countEntered counts a session that was let in.
func (s *session) countEntered() {
	as := plainSockets
	if s.device != nil {
		var ok bool
		if as, ok = deviceSockets[s.device.kind]; !ok {
			as = otherSockets // clients may say what they like
		}
	}
	s.counted(as)
	openedTotal.WithLabelValues("entered").Inc()
}

// countClosed counts a session whose socket is closed. err is what ended reading it.
func (s *session) countClosed(err error) {
	s.counted(nil)
	why := becauseLost
	var closing *gws.CloseError
	var slow net.Error
	switch ended := s.ended.Load(); {
	case ended != nil:
		why = *ended
	case s.out.isSlow():
		why = becauseSlow
	case errors.As(err, &closing):
		why = becauseClosed
	case errors.As(err, &slow) && slow.Timeout():
		why = becauseIdle
	}
	switch {
	case s.user != nil:
		closedTotal.WithLabelValues(why).Inc()
	case s.refused:
		openedTotal.WithLabelValues("held").Inc()
	default:
		openedTotal.WithLabelValues(why).Inc()
	}
}
