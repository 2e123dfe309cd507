package main

import (
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"github.com/camcast/camcast/auth"
	"github.com/camcast/camcast/loop"
)

// openGate reads the file of --auth, if there is one.
func (d *service) openGate(l *loop.Loop) error {
	file := d.settings.auth
	if file == "" {
		return nil
	}
	users, err := auth.ReadFile(file)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return fmt.Errorf("--auth: %w (camcast passwd --file FILE NAME makes it)", err)
	case err != nil:
		return fmt.Errorf("--auth: %w", err)
	}
	d.gate = auth.NewGate(l, users)
	d.reloads = append(d.reloads, reload{"--auth " + file, func() (func() []any, error) {
		users, err := auth.ReadFile(file)
		return func() []any { return d.newUsers(users) }, err
	}})
	return nil
}

// newUsers has other users be admitted.
func (d *service) newUsers(users *auth.Users) (said []any) {
	ended := d.gate.Reload(d.broadcaster, users)
	d.checkUsers()
	return []any{"users", users.Len(), "readers_ended", ended}
}

// checkUsers logs what may be wrong with the users.
func (d *service) checkUsers() {
	if d.gate == nil {
		return
	}
	users := d.gate.Users()
	if users.Len() == 0 {
		d.log.Warn("nobody can watch: the file has no user", "auth", d.settings.auth)
	}
	if unknown := users.UnknownStreams(d.broadcaster); len(unknown) > 0 {
		d.log.Warn("the file names streams that are not there", "auth", d.settings.auth, "streams", strings.Join(unknown, ","))
	}
}
