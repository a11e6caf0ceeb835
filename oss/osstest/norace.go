//go:build !race

package osstest

const racing = false
