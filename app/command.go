package app

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"runtime"
	"strings"
)

// Version is the version of the binary; the build sets it.
var Version = "unknown"

const usage = `Parley is the backend of an instant messenger.

usage:
  parley [flags]                  run the targets
  parley key                      make a key pair: a new user
  parley token [-key KEY]         print a token, which is good for two minutes
  parley message -to UID -text T  print a message as bytes, for /record/push with
                                  curl; -group ID instead of -to, -id MSGID
  parley chat -as KEY -to UID     talk to a user, one line a message; KEY is the
                                  file of a key; -group ID instead of -to, -url
                                  of the server, -socket URL if it is elsewhere
  parley call -as KEY -to UID     call a user, without sound and picture: it rings,
                                  and "hangup" ends it; -group ID for UID,UID…, who
                                  are in that group, -video, -url and -socket
  parley call -as KEY             wait for calls, and type what to do about them;
                                  -answer accept, reject or busy does so by itself,
                                  -once waits for one call only
  parley put -as KEY FILE         upload a file of any size and print its url; the
                                  same command again goes on where the last one
                                  ended, and with -abort drops what it began; -url,
                                  -app ID (dtalk), -type of the provider, -key of
                                  the object (the day, a random word and the name of
                                  the file), -part SIZE (8MiB; from 5MiB to what the
                                  server takes, 16MiB by default), -parallel N (4),
                                  -state FILE for how far it is (in the user's cache)
  parley config print [flags]     print the configuration in force, explained
  parley config check [flags]     check the configuration, connect to nothing, and
                                  say what a process with -target would do, and
                                  what it had better not
  parley health [-ready] [flags]  ask the process of this configuration on this machine
                                  whether it is alive, or ready for traffic; -ops
                                  host:port of its operations port
  parley migrate [up] [flags]     bring the schema of the database up to date
  parley migrate status [flags]   list the versions of the schema
  parley import [flags]           bring what the embedded database in the data folder
                                  holds into that of Database.DSN, which is empty and
                                  on which no parley runs; it may be stopped and run
                                  again
  parley backup FILE [flags]      copy the embedded database, in use or not, into a
                                  new file
  parley group show ID [flags]    show a group to an operator
  parley group block ID [flags]   stop everything in a group until it is unblocked
  parley group unblock ID [flags]
  parley device list UID [flags]  list the devices of a user: how far each has
                                  confirmed, and whether it is connected
  parley log advance -to LOGID    after a restore: give no logId again up to LOGID
  parley log level [LEVEL]        print or change the level of the log of the process
                                  that runs here: debug, info, error or severe
  parley help                     print this

flags:
`

// command is a run of the program: its arguments, what it reads and where its
// answers go.
type command struct {
	args []string
	env  map[string]string
	in   io.Reader
	out  io.Writer
	err  io.Writer
}

// errUsage marks an error for which the caller of the program should look up
// its usage.
var errUsage = errors.New("see parley help")

// errLogged marks an error that the log has already.
var errLogged = errors.New("see the log")

// Main runs the program with its arguments, until ctx ends, and returns its
// exit code: 0 when all went well, 2 when it was called in a wrong way, else 1.
func Main(ctx context.Context, args []string, out, errOut io.Writer) int {
	c := command{args: args, env: fromSystem(), in: os.Stdin, out: out, err: errOut}
	err := c.run(ctx)
	switch {
	case err == nil, errors.Is(err, flag.ErrHelp):
		return 0
	case errors.Is(err, errLogged):
		return 1
	case errors.Is(err, errUsage):
		fmt.Fprintf(errOut, "parley: %v\n", err)
		return 2
	default:
		fmt.Fprintf(errOut, "parley: %v\n", err)
		return 1
	}
}

func (c *command) run(ctx context.Context) error {
	name := ""
	if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") {
		name, c.args = c.args[0], c.args[1:]
	}
	switch name {
	case "":
		return c.serve(ctx)
	case "key":
		return c.key()
	case "token":
		return c.token()
	case "message":
		return c.message()
	case "chat":
		return c.chat(ctx)
	case "call":
		return c.call(ctx)
	case "put":
		return c.put(ctx)
	case "config":
		return c.config()
	case "health":
		return c.health(ctx)
	case "migrate":
		return c.migrate(ctx)
	case "import":
		return c.importData(ctx)
	case "backup":
		return c.backup(ctx)
	case "group":
		return c.group(ctx)
	case "device":
		return c.device(ctx)
	case "log":
		return c.log(ctx)
	case "help":
		c.help(c.out)
		return nil
	default:
		return fmt.Errorf("there is no command %q: %w", name, errUsage)
	}
}

// settings are the flags that say which configuration is meant.
type settings struct {
	flags   *flag.FlagSet
	file    string
	data    string
	listen  string
	target  string
	version bool
}

// newSettings defines the flags of a command; those of serve are for the run
// of targets only.
func newSettings(name string, serve bool) *settings {
	s := &settings{flags: flag.NewFlagSet(name, flag.ContinueOnError)}
	s.flags.StringVar(&s.file, "config", "", "configuration `file`")
	s.flags.StringVar(&s.data, "data", "", "data `folder`; goes before the key Data")
	if serve {
		s.addTarget()
		s.flags.StringVar(&s.listen, "listen", "", "`host:port` for every route, instead of the ports in the configuration")
		s.flags.BoolVar(&s.version, "version", false, "print the version")
	}
	return s
}

// addTarget defines the flag that names the targets.
func (s *settings) addTarget() {
	s.flags.StringVar(&s.target, "target", All, "what this process is for, separated by commas: "+strings.Join(Targets(), ", "))
}

// parse reads the flags of a command that takes no other arguments.
func (c *command) parse(flags *flag.FlagSet) error {
	flags.SetOutput(io.Discard) // the error says it already
	switch err := flags.Parse(c.args); {
	case errors.Is(err, flag.ErrHelp):
		c.help(c.out)
		return err
	case err != nil:
		return fmt.Errorf("%w: %w", err, errUsage)
	case flags.NArg() > 0:
		return fmt.Errorf("%q is not expected: %w", flags.Arg(0), errUsage)
	}
	return nil
}

// load reads the flags and the configuration that they mean.
func (c *command) load(s *settings) (Config, error) {
	if err := c.parse(s.flags); err != nil {
		return Config{}, err
	}
	config, err := Load(s.file, c.env)
	if s.data != "" {
		config.Data = s.data
	}
	return config, err
}

func (c *command) serve(ctx context.Context) error {
	s := newSettings("parley", true)
	if err := c.parse(s.flags); err != nil {
		return err
	}
	if s.version {
		_, err := fmt.Fprintf(c.out, "parley %s %s %s/%s\n", Version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
		return err
	}
	config, err := c.load(s)
	if err != nil {
		return err
	}
	options := Options{Targets: strings.Split(s.target, ","), Listen: s.listen}
	options.AccessLog = accessLog{to: c.err}
	return c.logged(Run(ctx, config, options))
}

func (c *command) help(to io.Writer) {
	fmt.Fprint(to, usage)
	flags := newSettings("parley", true).flags
	flags.SetOutput(to)
	flags.PrintDefaults()
}
