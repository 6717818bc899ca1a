package dbserver

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"syscall"

	_ "github.com/jackc/pgx/v5/stdlib"
)

// StartPostgres starts a PostgreSQL server with an empty database. Settings are
// name=value; without others, nothing is synced to disk. The error wraps ErrMissing
// if there is no server to start, or nobody but root to start it as.
func StartPostgres(settings ...string) (*Server, error) {
	bin, err := postgresBin()
	if err != nil {
		return nil, err
	}
	who, err := unprivileged()
	if err != nil {
		return nil, err
	}
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	dir, err := newDir(who)
	if err != nil {
		return nil, err
	}
	s := &Server{path: filepath.Join(bin, "postgres"), dir: dir, user: who, polite: syscall.SIGINT}
	s.waits = "shared memory block" // "… is still in use", by the processes of one that was killed
	s.Address = fmt.Sprintf("postgres://postgres@127.0.0.1:%d/postgres?sslmode=disable", port)
	s.answers = func() error { return ping(s.Address) }
	data := filepath.Join(dir, "data")
	s.args = []string{"-D", data, "-p", strconv.Itoa(port), "-k", dir}
	for _, line := range append([]string{"listen_addresses=127.0.0.1", "fsync=off", "max_connections=200"}, settings...) {
		s.args = append(s.args, "-c", line)
	}
	if err := initdb(bin, data, who); err != nil {
		s.Close()
		return nil, err
	}
	return started(s)
}

// initdb makes a folder of data.
func initdb(bin, data string, who *syscall.Credential) error {
	cmd := exec.Command(filepath.Join(bin, "initdb"), "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "--no-sync")
	cmd.Dir = filepath.Dir(data)
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: who}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w\n%s", err, out)
	}
	return nil
}

func ping(dsn string) error {
	db, err := sql.Open("pgx", dsn)
	if err != nil {
		return err
	}
	defer db.Close()
	return db.PingContext(context.Background())
}

// postgresBin returns the folder of the newest server that is installed. Debian's are
// not in PATH, where its tool pg_lsclusters says that there are some.
func postgresBin() (string, error) {
	var folders []string
	if _, err := exec.LookPath("pg_lsclusters"); err == nil {
		folders, _ = filepath.Glob("/usr/lib/postgresql/*/bin")
	}
	slices.SortFunc(folders, func(a, b string) int { return release(b) - release(a) })
	initdb, err := find("initdb", folders...)
	if err != nil {
		return "", err
	}
	bin := filepath.Dir(initdb)
	_, err = find("postgres", bin)
	return bin, err
}

// release returns the number in /usr/lib/postgresql/15/bin.
func release(folder string) int {
	n, _ := strconv.Atoi(filepath.Base(filepath.Dir(folder)))
	return n
}

// unprivileged returns another user than root, as whom PostgreSQL refuses to run,
// or nil if we are not root.
func unprivileged() (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, _ := strconv.ParseUint(u.Uid, 10, 32)
			gid, _ := strconv.ParseUint(u.Gid, 10, 32)
			return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, nil
		}
	}
	return nil, fmt.Errorf("a user postgres or nobody %w", ErrMissing)
}
