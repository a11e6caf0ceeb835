package call

// situation is a state of a session, and what follows from every event there. The
// cells are what the product promises, not what the code does: docs/calls.md is
// made of them.
//
// A cell is what is answered, whom that tells what in which order, and what the
// parties do then, if that changes. "ticket" is 0 with a new ticket, "same" 0 with
// the one that he has already.
type situation struct {
	// states are those of the caller, X and Y: r(ings), t(alks) or o(ver).
	states string
	// late says that the deadline has come and nobody has acted upon it.
	late bool
	// paths lead here from a call that rings, each another way.
	paths []string
	// rows have a cell for each of columns.
	accept, refuse, decline, check string
	// deadline is what follows from it, without an answer.
	deadline string
}

// columns are those who act: a user, or one on a device. X accepts on x1.
var columns = []string{"caller", "x1", "x2", "x", "y1", "stranger"}

// privateColumns are those of a private call, which has no Y.
var privateColumns = []string{"caller", "x1", "x2", "x", "stranger"}

var privateSituations = []situation{
	{
		states: "rr", paths: []string{""},
		accept:   "-1019 | ticket c:accept >tt | ticket c:accept >tt | ticket c:accept >tt | -1019",
		refuse:   "0 x:cancel >oo | 0 c:reject >oo | 0 c:reject >oo | 0 c:reject >oo | -1019",
		decline:  "-1019 | 0 c:busy >oo | 0 c:busy >oo | 0 c:busy >oo | -1019",
		check:    "0 | 0 | 0 | 0 | -1019",
		deadline: "x:timeout c:timeout >oo",
	},
	{
		states: "rr", late: true, paths: []string{""},
		accept:   "-1019 | -10102 | -10102 | -10102 | -1019",
		refuse:   "0 x:timeout c:timeout >oo | 0 x:timeout c:timeout >oo | 0 x:timeout c:timeout >oo | 0 x:timeout c:timeout >oo | -1019",
		decline:  "-1019 | 0 x:timeout c:timeout >oo | 0 x:timeout c:timeout >oo | 0 x:timeout c:timeout >oo | -1019",
		check:    "-10102 | -10102 | -10102 | -10102 | -1019",
		deadline: "x:timeout c:timeout >oo",
	},
	{
		states: "tt", paths: []string{"x1 accept"},
		accept:  "-1019 | same | -10101 | -10101 | -1019",
		refuse:  "0 x:hangup >oo | 0 c:hangup >oo | 0 | 0 c:hangup >oo | -1019",
		decline: "-1019 | 0 | 0 | 0 | -1019",
		check:   "-10102 | -10102 | -10102 | -10102 | -1019",
	},
	{
		states: "oo",
		paths: []string{
			"x1 refuse", "x1 decline", "caller refuse", "deadline", "x1 accept, x1 refuse", "x1 accept, caller refuse",
		},
		accept:  "-1019 | -10102 | -10102 | -10102 | -1019",
		refuse:  "0 | 0 | 0 | 0 | -1019",
		decline: "-1019 | 0 | 0 | 0 | -1019",
		check:   "-10102 | -10102 | -10102 | -10102 | -1019",
	},
}

var groupSituations = []situation{
	{
		states: "rrr", paths: []string{""},
		accept:   "-1019 | ticket c:accept >ttr | ticket c:accept >ttr | ticket c:accept >ttr | ticket c:accept >trt | -1019",
		refuse:   "0 x:cancel y:cancel >ooo | 0 >ror | 0 >ror | 0 >ror | 0 >rro | -1019",
		decline:  "-1019 | 0 >ror | 0 >ror | 0 >ror | 0 >rro | -1019",
		check:    "0 | 0 | 0 | 0 | 0 | -1019",
		deadline: "x:timeout y:timeout c:timeout >ooo",
	},
	{
		states: "rrr", late: true, paths: []string{""},
		accept: "-1019 | -10102 | -10102 | -10102 | -10102 | -1019",
		refuse: "0 x:timeout y:timeout c:timeout >ooo | 0 x:timeout y:timeout c:timeout >ooo | 0 x:timeout y:timeout c:timeout >ooo" +
			" | 0 x:timeout y:timeout c:timeout >ooo | 0 x:timeout y:timeout c:timeout >ooo | -1019",
		decline: "-1019 | 0 x:timeout y:timeout c:timeout >ooo | 0 x:timeout y:timeout c:timeout >ooo" +
			" | 0 x:timeout y:timeout c:timeout >ooo | 0 x:timeout y:timeout c:timeout >ooo | -1019",
		check:    "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
		deadline: "x:timeout y:timeout c:timeout >ooo",
	},
	{
		states: "rro", paths: []string{"y1 refuse", "y1 decline"},
		accept:   "-1019 | ticket c:accept >tto | ticket c:accept >tto | ticket c:accept >tto | -10102 | -1019",
		refuse:   "0 x:cancel >ooo | 0 c:reject >ooo | 0 c:reject >ooo | 0 c:reject >ooo | 0 | -1019",
		decline:  "-1019 | 0 c:busy >ooo | 0 c:busy >ooo | 0 c:busy >ooo | 0 | -1019",
		check:    "0 | 0 | 0 | 0 | -10102 | -1019",
		deadline: "x:timeout c:timeout >ooo",
	},
	{
		states: "rro", late: true, paths: []string{"y1 refuse", "y1 decline"},
		accept: "-1019 | -10102 | -10102 | -10102 | -10102 | -1019",
		refuse: "0 x:timeout c:timeout >ooo | 0 x:timeout c:timeout >ooo | 0 x:timeout c:timeout >ooo" +
			" | 0 x:timeout c:timeout >ooo | 0 x:timeout c:timeout >ooo | -1019",
		decline: "-1019 | 0 x:timeout c:timeout >ooo | 0 x:timeout c:timeout >ooo | 0 x:timeout c:timeout >ooo" +
			" | 0 x:timeout c:timeout >ooo | -1019",
		check:    "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
		deadline: "x:timeout c:timeout >ooo",
	},
	{
		states: "ttr", paths: []string{"x1 accept"},
		accept:   "-1019 | same | -10101 | -10101 | ticket >ttt | -1019",
		refuse:   "0 >otr | 0 >tor | 0 | 0 >tor | 0 >tto | -1019",
		decline:  "-1019 | 0 | 0 | 0 | 0 >tto | -1019",
		check:    "0 | -10102 | -10102 | -10102 | 0 | -1019",
		deadline: "y:timeout >tto",
	},
	{
		states: "ttr", late: true, paths: []string{"x1 accept"},
		accept: "-1019 | same y:timeout >tto | -10101 | -10101 | -10102 | -1019",
		refuse: "0 y:timeout x:hangup >ooo | 0 y:timeout c:hangup >ooo | 0 y:timeout >tto | 0 y:timeout c:hangup >ooo" +
			" | 0 y:timeout >tto | -1019",
		decline:  "-1019 | 0 y:timeout >tto | 0 y:timeout >tto | 0 y:timeout >tto | 0 y:timeout >tto | -1019",
		check:    "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
		deadline: "y:timeout >tto",
	},
	{
		states: "ttt", paths: []string{"x1 accept, y1 accept", "y1 accept, x1 accept"},
		accept:  "-1019 | same | -10101 | -10101 | same | -1019",
		refuse:  "0 >ott | 0 >tot | 0 | 0 >tot | 0 >tto | -1019",
		decline: "-1019 | 0 | 0 | 0 | 0 | -1019",
		check:   "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
	},
	{
		states: "tto",
		paths: []string{
			"y1 refuse, x1 accept", "y1 decline, x1 accept", "x1 accept, y1 refuse", "x1 accept, y1 decline", "x1 accept, deadline",
			"x1 accept, y1 accept, y1 refuse", "y1 accept, y1 refuse, x1 accept",
		},
		accept:  "-1019 | same | -10101 | -10101 | -10102 | -1019",
		refuse:  "0 x:hangup >ooo | 0 c:hangup >ooo | 0 | 0 c:hangup >ooo | 0 | -1019",
		decline: "-1019 | 0 | 0 | 0 | 0 | -1019",
		check:   "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
	},
	{
		states: "tro", paths: []string{"y1 accept, y1 refuse"},
		accept:   "-1019 | ticket >tto | ticket >tto | ticket >tto | -10102 | -1019",
		refuse:   "0 x:cancel >ooo | 0 c:hangup >ooo | 0 c:hangup >ooo | 0 c:hangup >ooo | 0 | -1019",
		decline:  "-1019 | 0 c:hangup >ooo | 0 c:hangup >ooo | 0 c:hangup >ooo | 0 | -1019",
		check:    "0 | 0 | 0 | 0 | -10102 | -1019",
		deadline: "x:timeout c:hangup >ooo",
	},
	{
		states: "tro", late: true, paths: []string{"y1 accept, y1 refuse"},
		accept: "-1019 | -10102 | -10102 | -10102 | -10102 | -1019",
		refuse: "0 x:timeout c:hangup >ooo | 0 x:timeout c:hangup >ooo | 0 x:timeout c:hangup >ooo | 0 x:timeout c:hangup >ooo" +
			" | 0 x:timeout c:hangup >ooo | -1019",
		decline: "-1019 | 0 x:timeout c:hangup >ooo | 0 x:timeout c:hangup >ooo | 0 x:timeout c:hangup >ooo" +
			" | 0 x:timeout c:hangup >ooo | -1019",
		check:    "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
		deadline: "x:timeout c:hangup >ooo",
	},
	{
		states: "ott", paths: []string{"x1 accept, y1 accept, caller refuse", "x1 accept, caller refuse, y1 accept"},
		accept:  "-1019 | same | -10101 | -10101 | same | -1019",
		refuse:  "0 | 0 y:hangup >ooo | 0 | 0 y:hangup >ooo | 0 x:hangup >ooo | -1019",
		decline: "-1019 | 0 | 0 | 0 | 0 | -1019",
		check:   "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
	},
	{
		states: "otr", paths: []string{"x1 accept, caller refuse"},
		accept:   "-1019 | same | -10101 | -10101 | ticket >ott | -1019",
		refuse:   "0 | 0 y:cancel >ooo | 0 | 0 y:cancel >ooo | 0 x:hangup >ooo | -1019",
		decline:  "-1019 | 0 | 0 | 0 | 0 x:hangup >ooo | -1019",
		check:    "0 | -10102 | -10102 | -10102 | 0 | -1019",
		deadline: "y:timeout x:hangup >ooo",
	},
	{
		states: "otr", late: true, paths: []string{"x1 accept, caller refuse"},
		accept: "-1019 | -10102 | -10102 | -10102 | -10102 | -1019",
		refuse: "0 y:timeout x:hangup >ooo | 0 y:timeout x:hangup >ooo | 0 y:timeout x:hangup >ooo" +
			" | 0 y:timeout x:hangup >ooo | 0 y:timeout x:hangup >ooo | -1019",
		decline: "-1019 | 0 y:timeout x:hangup >ooo | 0 y:timeout x:hangup >ooo | 0 y:timeout x:hangup >ooo" +
			" | 0 y:timeout x:hangup >ooo | -1019",
		check:    "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
		deadline: "y:timeout x:hangup >ooo",
	},
	{
		states: "ooo",
		paths: []string{
			"x1 refuse, y1 refuse", "x1 refuse, y1 decline", "caller refuse", "deadline", "x1 refuse, deadline",
			"x1 accept, deadline, x1 refuse", "x1 accept, y1 accept, y1 refuse, caller refuse", "x1 accept, x1 refuse, deadline",
			"x1 accept, caller refuse, y1 refuse", "x1 accept, x1 refuse, caller refuse",
		},
		accept:  "-1019 | -10102 | -10102 | -10102 | -10102 | -1019",
		refuse:  "0 | 0 | 0 | 0 | 0 | -1019",
		decline: "-1019 | 0 | 0 | 0 | 0 | -1019",
		check:   "-10102 | -10102 | -10102 | -10102 | -10102 | -1019",
	},
}
