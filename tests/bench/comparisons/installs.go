package comparisons

import (
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

const (
	first     = "go1.22.6" // the release that most comparisons install
	neighbour = "go1.22.5"
)

// releases are those that are installed one after the other.
var releases = []string{"go1.22.5", "go1.22.6", "go1.22.7", "go1.22.8", "go1.23.0", "go1.23.1"}

// request returns what gostore is asked for to have a version.
func request(version string) string { return "go@" + strings.TrimPrefix(version, "go") }

const (
	ourInstall = "gostore install, verified and synced"
	cmdGo      = "cmd/go into a fresh module cache"
	unzipSync  = "unzip -q, then sync -f"
	tarSync    = "tar -xzf, then sync -f"
	bsdtarSync = "bsdtar -xf, then sync -f"
	miseHTTP   = "mise install, loopback mirror"
)

// goToolchain is cmd/go installing a toolchain for itself. It verifies and does not sync.
func (b bench) goToolchain(name, proxy string, versions ...string) rounds.Arm {
	return rounds.Arm{Name: name, Ours: false, Make: func() (*exec.Cmd, error) {
		return b.goInstall(b.Fresh("gopath"), proxy, versions...), nil
	}}
}

func (b bench) goInstall(gopath, proxy string, versions ...string) *exec.Cmd {
	cmd := b.Shell(b.Fresh("empty"), `for v in "$@"; do GOTOOLCHAIN=$v go version || exit; done`, versions...)
	cmd.Env = append(cmd.Env, "GOPATH="+gopath, "GOMODCACHE=", "GOPROXY="+proxy, "GOFLAGS=-modcacherw")
	if strings.HasPrefix(proxy, "file:") {
		cmd.Env = append(cmd.Env, "GOSUMDB=off") // it has no copy of the database
	}
	return cmd
}

// installInto returns gostore installing a release into a store.
func (b bench) installInto(root, version string) *exec.Cmd {
	return b.Gostore(root, b.Fresh("empty"), "install", request(version))
}

// unpack runs a script that unpacks archives into an empty directory.
func (b bench) unpack(name, script string, archives ...string) rounds.Arm {
	return rounds.Arm{Name: name, Ours: false, Make: func() (*exec.Cmd, error) { return b.Shell(b.Fresh("unpacked"), script, archives...), nil }}
}

func (b bench) zipped() error {
	if err := b.Cache.Fetch(b.Ctx, first); err != nil {
		return err
	}
	zip := b.Cache.Zip(first)
	arms := []rounds.Arm{
		{Name: ourInstall, Ours: true, Make: func() (*exec.Cmd, error) { return b.installInto(b.Fresh("root"), first), nil }},
		b.goToolchain(cmdGo, b.Cache.FileURL(), first),
	}
	arms = b.with(arms, "unzip", b.unpack(unzipSync, `unzip -q "$1" && sync -f .`, zip))
	arms = b.with(arms, "bsdtar", b.unpack(bsdtarSync, `bsdtar -xf "$1" && sync -f .`, zip))
	least, err := b.copying(first)
	if err != nil {
		return err
	}
	arms = append(arms, least)
	return b.Compare(figures.Table{
		Name:    "zip",
		Title:   "Install a Go toolchain from its module zip",
		Note:    first + " from a `file://` proxy. gostore and cmd/go compute the zip's h1, the others verify nothing; cmd/go does not sync.",
		Skipped: b.skipped("unzip", "bsdtar"),
		Targets: []figures.Target{
			{What: "install from a module zip, against cmd/go", Of: ourInstall, To: cmdGo, AtMost: 0.40},
			{What: "the same, against unzip and sync", Of: ourInstall, To: unzipSync, AtMost: 0.60},
			{What: "memory of an install", Of: ourInstall, Peak: true, AtMost: 300},
		},
	}, 5, arms...)
}

func (b bench) overHTTP() error {
	if err := b.Cache.Fetch(b.Ctx, first); err != nil {
		return err
	}
	return b.Compare(figures.Table{
		Name:  "http",
		Title: "Install a Go toolchain over HTTP",
		Note:  first + " from a module proxy on the loopback interface, asking the checksum database through it. cmd/go does not sync.",
	}, 3,
		rounds.Arm{Name: ourInstall, Ours: true, Make: func() (*exec.Cmd, error) {
			cmd := b.installInto(b.Fresh("root"), first)
			cmd.Env = append(cmd.Env, "GOPROXY="+b.Cache.URL)
			return cmd, nil
		}},
		b.goToolchain(cmdGo, b.Cache.URL, first))
}

// neighbour installs two releases into one store in each round, and the second again.
func (b bench) neighbour() error {
	if err := b.Cache.Fetch(b.Ctx, neighbour, first); err != nil {
		return err
	}
	least, err := b.linking()
	if err != nil {
		return err
	}
	root := ""
	const alone, beside = neighbour + " into an empty store", first + " beside " + neighbour
	const anew, again = first + " anew, its object gone and its files there", first + " again, it is there"
	err = b.Compare(figures.Table{
		Name:  "neighbour",
		Title: "Install the neighbouring release",
		Note:  "What a store has of another release is linked. The ratios are gostore's own: of the second release to the first.",
		Targets: []figures.Target{
			{What: "the neighbouring patch release, against the first", Of: beside, To: alone, AtMost: 0.65},
			{What: "the same archive again, unpacked anew", Of: anew, AtMost: 0.25, To: alone},
			{What: "the same archive again, looked up", Of: again, To: alone, AtMost: 0.25},
		},
	}, 5, append([]rounds.Arm{
		{Name: beside, Ours: true, Make: func() (*exec.Cmd, error) {
			root = b.Fresh("root")
			return b.installInto(root, first), rounds.Must(b.installInto(root, neighbour))
		}},
		{Name: again, Ours: true, Make: func() (*exec.Cmd, error) { return b.installInto(root, first), nil }},
		{Name: anew, Ours: true, Make: func() (*exec.Cmd, error) {
			away := b.Shell(root, `chmod u+w store/*-go-"$1" && mv store/*-go-"$1" .`, strings.TrimPrefix(first, "go"))
			return b.installInto(root, first), rounds.Must(away)
		}},
		{Name: alone, Ours: false, Make: func() (*exec.Cmd, error) { return b.installInto(b.Fresh("root"), neighbour), nil }},
	}, least...)...)
	if err != nil {
		return err
	}
	t := &b.Tables[len(b.Tables)-1]
	ratio := func(of string) float64 {
		a, _ := t.Arm(of)
		to, _ := t.Arm(leastAlone)
		return figures.Ratio(a, to)
	}
	t.Note += fmt.Sprintf(" Those of the least are %.2f for the neighbour and %.2f for the same anew.", ratio(leastBeside), ratio(leastAnew))
	return nil
}

// six installs releases one after the other, and says what they take together.
func (b bench) six() error {
	if err := b.Cache.Fetch(b.Ctx, releases...); err != nil {
		return err
	}
	used := map[string]string{} // by arm: what was filled last
	into := func(name, dir string) string { used[name] = dir; return dir }
	const ours = "gostore install, each verified and synced"
	const goEach, unzipEach = "cmd/go, each when it is asked for", "unzip -q of each, then sync -f"
	arms := []rounds.Arm{
		{Name: ours, Ours: true, Make: func() (*exec.Cmd, error) {
			cmd := b.Shell(b.Fresh("empty"), `for v in "$@"; do gostore install "$v" || exit; done`, requests()...)
			cmd.Env = append(cmd.Env, "PATH="+b.Bin+":"+pathOf(cmd), "GOSTORE_ROOT="+into(ours, b.Fresh("root")), "GOPROXY="+b.Cache.FileURL())
			return cmd, nil
		}},
		{Name: goEach, Ours: false, Make: func() (*exec.Cmd, error) {
			return b.goInstall(into(goEach, b.Fresh("gopath")), b.Cache.FileURL(), releases...), nil
		}},
	}
	mise, miseSkipped := b.miseArm(releases...)
	for _, a := range mise {
		arms = append(arms, rounds.Arm{Name: a.Name, Ours: a.Ours, Make: func() (*exec.Cmd, error) {
			cmd, err := a.Make()
			into(a.Name, valueOf(cmd, "MISE_DATA_DIR"))
			return cmd, err
		}})
	}
	var zips []string
	for _, v := range releases {
		zips = append(zips, b.Cache.Zip(v))
	}
	arms = b.with(arms, "unzip", b.unpack(unzipEach, `for z in "$@"; do unzip -q "$z" && sync -f . || exit; done`, zips...))
	table := figures.Table{
		Name:    "six",
		Title:   "Six releases one after the other",
		Note:    "1.22.5 to 1.22.8, 1.23.0 and 1.23.1, each by a command of its own, into an empty store. Neither cmd/go nor mise syncs.",
		Skipped: append(miseSkipped, b.skipped("unzip")...),
		Targets: []figures.Target{
			{What: "six releases in a row, against cmd/go", Of: ours, To: goEach, AtMost: 0.25},
			{What: "the same, against mise", Of: ours, To: miseHTTP, AtMost: 0.65},
		},
	}
	if err := b.Compare(table, 2, arms...); err != nil {
		return err
	}
	return b.diskOfSix(used, ours, goEach)
}

func (b bench) diskOfSix(used map[string]string, ours, goEach string) error {
	table := figures.Table{
		Name: "disk", Title: "Disk of six releases", Unit: "MB",
		Note: "What du says of everything that each keeps: cmd/go keeps the zips as well.",
		Targets: []figures.Target{
			{What: "disk of six releases, against mise", Of: "gostore", To: "mise", AtMost: 0.60},
			{What: "the same, against cmd/go", Of: "gostore", To: "cmd/go", AtMost: 0.46},
		},
	}
	for _, a := range []struct{ name, arm string }{{"gostore", ours}, {"cmd/go", goEach}, {"mise", miseHTTP}} {
		dir, ok := used[a.arm]
		if !ok {
			continue
		}
		size, err := b.diskUse(dir)
		if err != nil {
			return err
		}
		table.Arms = append(table.Arms, figures.Arm{Name: a.name, Ours: a.arm == ours, Runs: []float64{float64(size) / 1e6}})
	}
	return b.Keep(table)
}

func requests() (list []string) {
	for _, v := range releases {
		list = append(list, request(v))
	}
	return list
}

// valueOf returns the last value of a variable of a command.
func valueOf(cmd *exec.Cmd, name string) (value string) {
	for _, v := range cmd.Env {
		if rest, ok := strings.CutPrefix(v, name+"="); ok {
			value = rest
		}
	}
	return value
}

func pathOf(cmd *exec.Cmd) string { return valueOf(cmd, "PATH") }

// locked makes a project with a lock for a release that is installed.
func (b bench) locked(version string) (root, dir string, err error) {
	if err := b.Cache.Fetch(b.Ctx, version); err != nil {
		return "", "", err
	}
	root, dir = b.Fresh("root"), b.Fresh("project")
	return root, dir, rounds.Each(b.Gostore(root, dir, "lock", request(version)), b.Gostore(root, dir, "install"))
}

// toolchainIn returns the directory of the toolchain of a locked project.
func (b bench) toolchainIn(root, dir string) (string, error) {
	path, err := rounds.Answer(b.Gostore(root, dir, "which", "go"))
	return filepath.Dir(filepath.Dir(path)), err
}

// diskUse returns the bytes that a directory takes, every inode counted once.
func (b bench) diskUse(dir string) (int64, error) {
	out, err := rounds.Answer(b.Program(dir, "du", "-sk", "."))
	if err != nil {
		return 0, err
	}
	var kib int64
	_, err = fmt.Sscan(out, &kib)
	return kib << 10, err
}
