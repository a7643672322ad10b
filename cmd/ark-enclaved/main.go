// Command ark-enclaved is the enclave daemon: small, privileged, and the only
// program of Ark that needs to be root. The same static executable is also the
// first process inside each workspace and runs the self-test's attempts there.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ark-tre/ark/workspace/apps"
	"github.com/ark-tre/ark/workspace/enclave"
	"github.com/ark-tre/ark/workspace/selftest"
)

func main() {
	if len(os.Args) > 1 {
		if status, ours := inside(os.Args[1], os.Args[2:]); ours {
			os.Exit(status)
		}
	}
	var c serve
	k := kong.Parse(&c, kong.Name("ark-enclaved"), kong.Description("The enclave daemon: makes and runs isolated workspaces for the control plane."))
	if err := c.run(); err != nil {
		fmt.Fprintln(k.Stderr, "ark-enclaved:", err)
		os.Exit(1)
	}
}

// inside does what this program is asked to do in a sandbox.
func inside(verb string, args []string) (status int, ours bool) {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	var err error
	switch {
	case verb == "nothing":
	case verb == "init" && len(args) == 1:
		var list []apps.App
		if err = json.Unmarshal([]byte(args[0]), &list); err == nil {
			err = apps.Supervise(ctx, list)
		}
	case verb == "attempts" && len(args) == 1:
		var target selftest.Target
		if err = json.Unmarshal([]byte(args[0]), &target); err == nil {
			err = selftest.WriteReport(apps.RunFolder, selftest.Inside(ctx, apps.Self, target))
		}
	case verb == "attempt" && len(args) == 2:
		return selftest.Attempt(args[0], args[1]), true
	default:
		return 0, false
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1, true
	}
	return 0, true
}

// serve is the daemon's command line.
type serve struct {
	Socket string   `required:"" help:"Unix socket to listen on."`
	State  string   `required:"" help:"Folder that is kept: records and volumes."`
	Run    string   `default:"/run/ark-enclave" help:"Folder that is lost on reboot: mounts, sockets, the runtime's state."`
	Runc   string   `required:"" help:"The OCI runtime program."`
	Rootfs string   `required:"" help:"Root file system of workspaces: a squashfs image or a folder."`
	Engine string   `help:"ark-engine, for the SQL app."`
	Tools  string   `help:"The folder of ark and ark-inspect, for workspaces to check outputs with."`
	Users  []uint32 `help:"Ids of the users, besides root, that may connect: the control plane's."`
}

func (c serve) run() error {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, os.Interrupt)
	defer stop()
	log := slog.New(slog.NewTextHandler(os.Stderr, nil))
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for _, path := range []*string{&c.Socket, &c.State, &c.Run, &c.Runc, &c.Rootfs, &c.Engine, &c.Tools} {
		if *path == "" {
			continue
		}
		if *path, err = filepath.Abs(*path); err != nil {
			return err
		}
	}
	l, err := enclave.Listen(c.Socket, c.Users, log)
	if err != nil {
		return err
	}
	m, err := enclave.Open(ctx, enclave.Config{
		State: c.State, Run: c.Run, Runc: c.Runc, RootFS: c.Rootfs, Self: self, Engine: c.Engine, Tools: c.Tools, Socket: c.Socket, Log: log, Now: time.Now,
	})
	if err != nil {
		return errors.Join(err, l.Close())
	}
	server := &http.Server{Handler: m.Handler(), ReadHeaderTimeout: 10 * time.Second, BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	go func() {
		<-ctx.Done()
		// Workspaces go on; the next daemon takes them back.
		end, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		_ = server.Shutdown(end)
		_ = server.Close()
	}()
	log.Info("listening", "socket", c.Socket)
	if err := server.Serve(l); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
