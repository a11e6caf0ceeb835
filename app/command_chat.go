package app

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"

	"github.com/zeromicro/go-zero/core/logx"
	"golang.org/x/term"

	"parley/app/chat"
	"parley/pkg/auth"
	"parley/pkg/id"
)

// chat talks to a user or a group in the terminal.
func (c *command) chat(ctx context.Context) error {
	flags := flag.NewFlagSet("chat", flag.ContinueOnError)
	as := flags.String("as", "", "")
	to := flags.String("to", "", "")
	group := flags.String("group", "", "")
	url := flags.String("url", "http://localhost:8888", "")
	socket := flags.String("socket", "", "")
	if err := c.parse(flags); err != nil {
		return err
	}
	o := chat.Options{To: id.UID(*to), URL: *url, Socket: *socket, In: c.in, Out: c.out, Size: terminal(c.in, c.out)}
	var err error
	switch {
	case (*to == "") == (*group == ""):
		return fmt.Errorf("with whom? give -to with a uid or -group with a group id: %w", errUsage)
	case *to != "" && !o.To.Valid():
		return fmt.Errorf("-to %q is not a uid: %w", *to, errUsage)
	case *group != "":
		if o.Group, err = id.ParseGID(*group); err != nil {
			return fmt.Errorf("-group %q: %w: %w", *group, err, errUsage)
		}
	}
	if o.Key, err = keyOf(*as); err != nil {
		return err
	}
	logx.Disable() // go-zero says something at a signal
	return chat.Run(ctx, o)
}

// keyOf reads the key of the user who is at the terminal.
func keyOf(as string) (auth.Key, error) {
	if as == "" {
		return auth.Key{}, fmt.Errorf("who are you? give -as with the file of a key: %w", errUsage)
	}
	if _, err := auth.ParseKey(as); err == nil {
		return auth.Key{}, fmt.Errorf("-as takes the file of a key, not the key, which others on this machine could see: %w", errUsage)
	}
	key, err := readKey(as)
	if errors.Is(err, os.ErrNotExist) {
		return auth.Key{}, errors.New("-as is not a file that exists")
	}
	return key, err
}

// terminal returns how large the terminal is that in and out are, or nil if they
// are none, or one that cannot move its cursor.
func terminal(in io.Reader, out io.Writer) func() (width, height int) {
	from, ok := in.(*os.File)
	if !ok || !term.IsTerminal(int(from.Fd())) {
		return nil
	}
	return screen(out)
}

// screen returns how large the terminal is that out is, or nil, as terminal does.
func screen(out io.Writer) func() (width, height int) {
	to, ok := out.(*os.File)
	if !ok || !term.IsTerminal(int(to.Fd())) {
		return nil
	}
	if name := os.Getenv("TERM"); name == "" || name == "dumb" || runtime.GOOS == "windows" {
		return nil
	}
	return func() (width, height int) {
		width, height, err := term.GetSize(int(to.Fd()))
		if err != nil {
			return 0, 0
		}
		return width, height
	}
}

// widthOf returns how wide the terminal is that out is, or nil, as terminal does.
func widthOf(out io.Writer) func() int {
	size := screen(out)
	if size == nil {
		return nil
	}
	return func() int {
		width, _ := size()
		return cmp.Or(width, 80)
	}
}
