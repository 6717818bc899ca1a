package main

import (
	"errors"

	"github.com/sessionring/sessionring/session/storetest/drivers/dbserver"
)

// store is where the servers keep their sessions.
type store struct {
	name   string // "stateless", "PostgreSQL" or "Redis"
	server *dbserver.Server
}

// String is the name of a store for people.
func (s store) String() string { return s.name }

// shared reports whether there is a store at all, which the servers share.
func (s store) shared() bool { return s.server != nil }

// address is the value of SESSION_STORE.
func (s store) address() string {
	switch s.name {
	case "PostgreSQL":
		return s.server.Address
	case "Redis":
		return "redis://" + s.server.Address
	}
	return "none"
}

type stores []store

// openStores starts the databases that are to be used. Those that are not installed
// are named in the report.
func openStores(o options, r *report) (list stores, err error) {
	if o.wants("none") {
		list = append(list, store{name: "stateless"})
	}
	for _, db := range []struct {
		flag, name string
		start      func(...string) (*dbserver.Server, error)
	}{
		{"postgres", "PostgreSQL", dbserver.StartPostgres},
		{"redis", "Redis", dbserver.StartRedis},
	} {
		if !o.wants(db.flag) {
			continue
		}
		server, err := db.start()
		if errors.Is(err, dbserver.ErrMissing) {
			r.Skipped = append(r.Skipped, db.name+": "+err.Error())
			continue
		}
		if err != nil {
			return list, err
		}
		list = append(list, store{db.name, server})
	}
	return list, nil
}

// close ends the databases and removes their data.
func (list stores) close() {
	for _, s := range list {
		if s.shared() {
			s.server.Close()
		}
	}
}
