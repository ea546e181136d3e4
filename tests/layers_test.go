package tests

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"gostore/tests/upstream"
)

// machine is a world with an administrator, who is root, and two users with a home each.
type machine struct {
	*world
	top, layer string
}

const alice, bob = ordinary, ordinary + 1

// newMachine skips where no other users can be.
func newMachine(t *testing.T) *machine {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("only root can give commands as other users")
	}
	top, err := os.MkdirTemp("", "gostore-machine-") // unlike t.TempDir nothing above it is closed to others
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		unseal(top)
		os.RemoveAll(top)
	})
	m := &machine{newWorldIn(t, upstream.Config{}, top), top, filepath.Join(top, "layer")}
	m.copyProgram(filepath.Join(top, "bin", "gostore"))
	m.environ = append(m.environ, "GOSTORE_ROOT=", "GOSTORE_LAYERS="+m.layer, "LAYER="+m.layer, "TOP="+top)
	m.sh("chmod 755 $TOP && mkdir -m 1777 $TOP/tmp && gostore lock go@1.22.6")
	for _, uid := range []int{alice, bob} {
		home := m.home(uid)
		if err := os.Mkdir(home, 0o755); err != nil {
			t.Fatal(err)
		}
		m.sh(fmt.Sprintf("cp gostore.lock %s && chown -R %d:%[2]d %[1]s", home, uid))
	}
	if out, err := m.user(bob).command("gostore version").CombinedOutput(); err != nil {
		t.Skipf("another user cannot reach %q: %v %s", top, err, out)
	}
	return m
}

func (m *machine) home(uid int) string { return filepath.Join(m.top, fmt.Sprint("user", uid)) }

// user is a world in which a user gives the commands, in the home directory.
func (m *machine) user(uid int) *world {
	w := *m.world
	w.as = &syscall.Credential{Uid: uint32(uid), Gid: uint32(uid)}
	w.dir = m.home(uid)
	w.environ = append(append([]string{}, m.environ...), "HOME="+w.dir)
	return &w
}

// Users share what root installed, and can harm neither it nor each other.
func TestUsersShareALayer(t *testing.T) {
	m := newMachine(t)
	a, b := m.user(alice), m.user(bob)
	m.sh("umask 022; GOSTORE_ROOT=$LAYER gostore install go@1.22.6")
	m.server.ClearRequests()
	for _, w := range []*world{a, b} {
		if got := w.sh("gostore shell -- go version && gostore list"); !strings.Contains(got, "go version go1.22.6 ") || !strings.Contains(got, " in "+m.layer) {
			t.Errorf("over the layer: %s", got)
		}
	}
	if n, _ := m.server.Count(".zip"); n != 0 {
		t.Errorf("%d downloads of what the layer has", n)
	}
	a.sh("gostore switch go@1.22.6")
	for _, line := range []string{
		`echo x >>$LAYER/store/*-go-1.22.6/VERSION`, `rm -f $LAYER/store/*-go-1.22.6/VERSION`, `chmod u+w $LAYER/store/*-go-1.22.6`,
		`mv $LAYER/store/*-go-1.22.6 $LAYER/store/x`, `touch $LAYER/index/x`, `mv $LAYER $TOP/other`,
		`echo x >>$HOME/.local/share/gostore/store/*-go-1.22.6/VERSION`,
	} {
		if out, err := a.command(line).CombinedOutput(); err == nil {
			t.Errorf("%s: the layer was changed\n%s", line, out)
		}
	}
	a.sh("gostore gc --keep 0 && rm gostore.lock && gostore roots --forget . && gostore switch --remove go && gostore gc --keep 0")
	matches(t, a.sh("gostore list"), `: 1 object`)
	matches(t, b.sh("gostore verify && gostore shell -- go version"), `go@1.22.6: intact\n(.*\n)*go version go1.22.6 `)

	// One user's store is no layer, and no store, for another.
	matches(t, b.fails(1, fmt.Sprintf("GOSTORE_LAYERS=%s/.local/share/gostore gostore shell -- true", m.home(alice))), `not among the layers`)
	matches(t, b.sh(fmt.Sprintf("GOSTORE_LAYERS=%s/.local/share/gostore gostore install go@1.21.13", m.home(alice))),
		fmt.Sprintf(`warning: not taken from a layer: .* can be changed by others: ".*" belongs to uid %d`, alice))
	for _, line := range []string{
		"GOSTORE_ROOT=$TOP/tmp/link gostore list", // alice's link, into bob's own directory
		"GOSTORE_ROOT=$TOP/tmp/alice gostore list",
		"GOSTORE_ROOT=$TOP/tmp/alice/store gostore list",
	} {
		a.sh(fmt.Sprintf("mkdir -p -m 777 $TOP/tmp/alice; ln -sfn %s $TOP/tmp/link", m.home(bob)))
		matches(t, b.fails(1, line), fmt.Sprintf(`can be changed by others: ".*" (is a link that )?belongs to uid %d\n(.*\n)*.*GOSTORE_ALONE=1`, alice))
	}
}

// Root in a user's home, as sudo leaves it, makes nothing there.
func TestRootInAHome(t *testing.T) {
	m := newMachine(t)
	sudo := fmt.Sprintf("HOME=%s SUDO_UID=%d gostore ", m.home(alice), alice)
	matches(t, m.fails(1, sudo+"list"), fmt.Sprintf(`belongs to uid %d\n.*hint: run gostore as the user whose it is, without sudo`, alice))
	m.user(alice).sh("gostore list")
	matches(t, m.fails(1, fmt.Sprintf("HOME=%s gostore list", m.home(alice))), fmt.Sprintf(`store ".*" can be changed by others: ".*/gostore" belongs to uid %d`, alice))
	if got := m.sh(fmt.Sprintf("find %s -user 0", m.home(alice))); got != "" {
		t.Errorf("root left %s", got)
	}
}

// A layer that its administrator closed by mistake, and one that was closed on purpose as far as it can be.
func TestClosedLayer(t *testing.T) {
	m := newMachine(t)
	b := m.user(bob)
	m.sh("umask 077; GOSTORE_ROOT=$LAYER gostore install go@1.22.6")
	said := b.sh("gostore install go@1.21.13")
	matches(t, said, `warning: not taken from a layer: the layer ".*/layer" cannot be read: .*permission denied\n.*hint: who runs it can open it`)
	_, mend, _ := strings.Cut(said, "for reading: ")
	mend, _, _ = strings.Cut(mend, "\n")
	m.sh(mend)
	matches(t, b.sh("gostore shell -- go version && gostore list"), `go version go1.22.6 (.*\n)* .* in `+m.layer)

	m.sh("umask 077; GOSTORE_ROOT=$LAYER gostore install go@1.23.0; cd $LAYER; chmod 711 . store meta index; chmod 700 downloads profiles roots sumdb files")
	matches(t, b.sh("gostore install go@1.23.0 && gostore verify && gostore list"), `go +1.23.0 .* in `+m.layer)
	if out, err := b.command("ls $LAYER || ls $LAYER/store").CombinedOutput(); err == nil {
		t.Errorf("it can be listed: %s", out)
	}
}
