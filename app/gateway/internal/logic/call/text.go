package call

import "strconv"

// noGroup is the group of a private call.
const noGroup = "0"

// text is an id as clients in JavaScript hold it.
func text(id int64) string { return strconv.FormatInt(id, 10) }
