package doctor

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"gostore/internal/fetch"
	"gostore/internal/roots"
	"gostore/internal/textfile"
	"gostore/profile"
	"gostore/store"
	"gostore/tests/program"
)

var diskCases = []testCase{
	{"store", "mount-noexec", Problem, func(k *kit) {
		k.Mounts = fmt.Appendf(nil, "/dev/sda1 / ext4 rw 0 0\n/dev/sdb1 %s xfs rw,noexec 0 0\n", realPath(k.Root))
	}, `the store, .*/root, is on a mount with noexec(.|\n)*/dev/sdb1 on .*/root, type xfs \(rw,noexec\)`, `GOSTORE_ROOT=DIR`},
	{"temporary files", "mount-noexec", Problem, func(k *kit) {
		k.filesystem(func(path string, f *Filesystem) { f.NoExec = path == k.at("tmp") })
	}, `go run and go test`, `go env -w GOTMPDIR=`},
	{"build cache", "mount-noexec", Problem, func(k *kit) {
		k.mkdir(k.at("home/.cache/go-build"))
		k.filesystem(func(path string, f *Filesystem) { f.NoExec = path == k.at("home/.cache/go-build") })
	}, `GOCACHE, ~/\.cache/go-build`, `go env -w GOCACHE=`},
	{"", "mount-readonly", Problem, func(k *kit) {
		k.filesystem(func(path string, f *Filesystem) { f.ReadOnly = path == k.Root })
	}, `for reading only`, `mount -o remount,rw`},
	{"", "disk-full", Problem, func(k *kit) {
		k.filesystem(func(_ string, f *Filesystem) { f.Free = 10 << 20 })
		k.Kept = func(context.Context) (Kept, error) { return Kept{Dead: 3 << 30, Leftovers: 5 << 20}, nil }
	}, `10\.0 MiB of 100\.0 GiB are free\n.*objects of 3\.0 GiB, and 5\.0 MiB`, `^gostore gc\n`},
	{"nearly", "disk-full", Warning, func(k *kit) { k.filesystem(func(_ string, f *Filesystem) { f.Free = 900 << 20 }) }, `900\.0 MiB`, `gostore gc`},
	{"of temporary files", "disk-full", Warning, func(k *kit) {
		k.filesystem(func(path string, f *Filesystem) {
			if path == k.at("tmp") {
				f.Device, f.Size, f.Free = 2, 1<<30, 200<<20
			}
		})
	}, `directory for temporary files`, `GOTMPDIR`},
	{"", "inodes-full", Problem, func(k *kit) { k.filesystem(func(_ string, f *Filesystem) { f.FreeNodes = 12 }) }, `12 of 6000000 inodes`, `gostore gc`},
	{"nearly", "inodes-full", Warning, func(k *kit) { k.filesystem(func(_ string, f *Filesystem) { f.FreeNodes = 12_000 }) }, `15,000 files`, `gostore gc`},
	{"", "temporary-missing", Problem, func(k *kit) { k.set("TMPDIR", k.at("gone")) }, `TMPDIR=.*/gone\nstat .*/gone: no such file`, `unset TMPDIR\nmkdir -p .*/gone`},
	{"file", "temporary-missing", Problem, func(k *kit) { k.write(k.at("file"), ""); k.set("TMPDIR", k.at("file")) }, `is no directory`, `unset TMPDIR`},
	{"", "quota-exceeded", Warning, func(k *kit) {
		k.script(k.at("bin/quota"), "")
		k.set("PATH", k.getenv("PATH")+":"+k.at("bin"))
		k.Run = func(context.Context, time.Duration, []string, ...string) (Output, error) {
			return Output{Stdout: "Disk quotas for user ann: block limit reached on /home\n", Status: 1}, nil
		}
	}, `block limit reached on /home`, `gostore gc`},
}

// TestMountOf has mounts one over the other, and names with spaces.
func TestMountOf(t *testing.T) {
	h := &Host{Mounts: []byte("/dev/a / ext4 rw 0 0\nb /x\\040y tmpfs rw 0 0\nc /x\\040y tmpfs ro 0 0\nd /x nfs rw 0 0\nbroken\n")}
	for path, want := range map[string]string{"/x y/z": "c", "/x y": "c", "/x/z": "d", "/xy": "/dev/a", "/": "/dev/a"} {
		if m, ok := h.mountOf(path); !ok || m.device != want {
			t.Errorf("%s is on %q, want %q", path, m.device, want)
		}
	}
	if _, ok := new(Host).mountOf("/x"); ok {
		t.Error("without mounts nothing is on one")
	}
}

var filesystemCases = []testCase{
	{"", "filesystem-network", Warning, func(k *kit) {
		k.filesystem(func(_ string, f *Filesystem) { f.Type = 0x6969 })
		k.Mounts = []byte("server:/home / nfs4 rw,vers=4.2 0 0\n")
	}, `on NFS(.|\n)*server:/home on /, type nfs4`, `GOSTORE_ROOT=DIR`},
	{"without locks", "filesystem-network", Problem, func(k *kit) {
		k.filesystem(func(_ string, f *Filesystem) { f.Type = 0x6969 })
		k.Mounts = []byte("server:/home / nfs rw,nolock 0 0\n")
	}, `locks stay on this machine`, `GOSTORE_ROOT=DIR`},
	{"FUSE", "filesystem-network", Warning, func(k *kit) { k.filesystem(func(_ string, f *Filesystem) { f.Type = 0x65735546 }) }, `on FUSE`, `GOSTORE_ROOT=DIR`},
	{"", "filesystem-locks", Problem, func(k *kit) {
		k.Lock = func(dir string) error { return errors.New("flock " + dir + ": not supported") }
	},
		`flock .*/root/index: not supported`, `GOSTORE_ROOT=DIR`},
	{"", "filesystem-links", Warning, func(k *kit) {
		for i := range 40 {
			k.write(filepath.Join(k.Root, "files", "ab", fmt.Sprintf("%062d", i)), "x")
		}
	}, `of 32 shared files none`, `GOSTORE_ROOT=DIR`},
	{"FAT", "filesystem-links", Warning, func(k *kit) { k.filesystem(func(_ string, f *Filesystem) { f.Type = 0x4d44 }) }, `no hard links`, `GOSTORE_ROOT=DIR`},
	{"", "filesystem-case", Note, func(k *kit) { k.must(os.Link(filepath.Join(k.Root, "format"), filepath.Join(k.Root, "FORMAT"))) },
		`format and FORMAT are one file`, `nothing has to be done`},
	{"", "filesystem-split", Problem, func(k *kit) {
		k.filesystem(func(path string, f *Filesystem) {
			if path == filepath.Join(k.Root, "downloads") {
				f.Device = 7
			}
		})
	}, `root/downloads is on another file system`, `GOSTORE_ROOT`},
}

// TestTryLock takes the locks of this machine.
func TestTryLock(t *testing.T) {
	dir := t.TempDir()
	if err := TryLock(dir); err != nil {
		t.Error(err)
	}
	if err := TryLock(filepath.Join(dir, "missing")); err == nil {
		t.Error("what is not there was locked")
	}
	if st, err := StatFilesystem(dir); err != nil || st.Size == 0 || st.Device == 0 {
		t.Errorf("got %+v, %v", st, err)
	}
}

// unreachable makes servers fail.
func unreachable(k *kit, err error) {
	k.Registry = Upstream{}
	k.ServerDate = func(_ context.Context, url string) (time.Time, error) {
		return time.Time{}, &fetch.Error{URL: fetch.Redact(url), Err: err}
	}
}

var networkCases = []testCase{
	{"", "proxy-malformed", Problem, func(k *kit) { k.set("https_proxy", "htp://bob:secret@proxy") }, `https_proxy is no proxy`, `unset https_proxy`},
	{"", "proxy-twofold", Warning, func(k *kit) { k.set("HTTP_PROXY", "http://a.example"); k.set("http_proxy", "http://b.example") },
		`HTTP_PROXY=http://a(.|\n)*http_proxy=http://b`, `export http_proxy="\$HTTP_PROXY"`},
	{"", "proxy-exception", Warning, func(k *kit) {
		k.set("NO_PROXY", "http://a.example,10.0.0.0/8,*.corp.example,cor*p,b.example c.example,localhost,[::1],10.0.0.0/99")
	}, `"http://a.example" is a URL.*\n.*cor\*p.*\n.*separated by commas\n.*10\.0\.0\.0/99" is neither`, `export NO_PROXY=`},
	{"", "proxy-unreachable", Problem, func(k *kit) {
		k.set("HTTPS_PROXY", "http://bob:secret@proxy.example:3128")
		k.write(k.at("home/.profile"), "export HTTPS_PROXY=http://bob:secret@proxy.example:3128\n")
		k.Dial = func(_ context.Context, address string) error { return errors.New("dial tcp " + address + ": refused") }
	}, `HTTPS_PROXY=http://proxy\.example:3128\n~/\.profile:1: export HTTPS_PROXY=http://proxy\.example:3128\ndial tcp proxy\.example:3128: refused`, `unset HTTPS_PROXY`},
	{"", "goproxy-malformed", Problem, func(k *kit) { k.ModuleProxy.Value = "https://ok.example,ftp://x:y@mirror.example" }, `"ftp://mirror\.example": want a URL`, `export GOPROXY=https://`},
	{"unknown", "goproxy-malformed", Problem, func(k *kit) { k.ModuleProxy = Upstream{Err: errors.New("open go/env: denied")} }, `open go/env: denied`, `export GOPROXY=`},
	{"", "goproxy-none", Warning, func(k *kit) { k.ModuleProxy.Value = "direct"; k.set("GOPROXY", "direct") }, `GOPROXY is direct`, `unset GOPROXY`},
	{"off", "goproxy-none", Warning, func(k *kit) { k.ModuleProxy.Value = "off"; goEnv(k, "GOPROXY=off\n") }, `go/env:1: GOPROXY=off`, `go env -u GOPROXY`},
	{"", "upstream-unreachable", Problem, func(k *kit) { unreachable(k, errors.New("connection refused")) }, `https://proxy\.example cannot be reached(.|\n)*connection refused`, `--offline`},
	{"name", "upstream-unreachable", Problem, func(k *kit) { unreachable(k, &net.DNSError{Name: "proxy.example", IsNotFound: true}) }, `has no address`, `--offline`},
	{"proxy", "upstream-unreachable", Problem, func(k *kit) { unreachable(k, &fetch.ProxyError{Proxy: "p", Code: 407, Err: errors.New("407")}) }, `the proxy refuses`, `password`},
	{"", "certificates-missing", Problem, func(k *kit) { k.set("SSL_CERT_FILE", "/gone/ca.pem") }, `SSL_CERT_FILE names /gone/ca\.pem`, `unset SSL_CERT_FILE`},
	{"no authorities", "upstream-certificate", Problem, func(k *kit) {
		k.must(os.RemoveAll(k.at("etc/ssl")))
		unreachable(k, &fetch.AuthorityError{Err: x509.UnknownAuthorityError{}})
	}, `knows no authorities at all`, `ca-certificates`},
	{"silent proxy", "upstream-unreachable", Problem, func(k *kit) { unreachable(k, &fetch.ProxyError{Proxy: "p", Err: errors.New("refused")}) }, `does not answer`, `table network`},
	{"and what is behind it", "proxy-unreachable", Problem, func(k *kit) {
		k.set("HTTPS_PROXY", "http://proxy.example:3128")
		k.Dial = func(context.Context, string) error { return errors.New("refused") }
		unreachable(k, &fetch.ProxyError{Proxy: "p", Err: errors.New("refused")})
	}, `every download fails`, `unset HTTPS_PROXY`},
	{"", "upstream-certificate", Problem, func(k *kit) {
		unreachable(k, &fetch.AuthorityError{Issuer: "Corp CA", Err: x509.UnknownAuthorityError{}})
	},
		`Corp CA`, `GOSTORE_CA_FILE`},
	{"clock", "upstream-certificate", Problem, func(k *kit) {
		unreachable(k, x509.CertificateInvalidError{Reason: x509.Expired, Cert: new(x509.Certificate)})
	},
		`the clock says`, `timedatectl`},
}

// TestSecretsStay sees to it that no password of a proxy gets into a finding.
func TestSecretsStay(t *testing.T) {
	k := newKit(t)
	for _, name := range []string{"HTTPS_PROXY", "http_proxy"} {
		k.set(name, "http://bob:hunter2@proxy.example:1")
	}
	k.set("HTTP_PROXY", "bob:hunter2@proxy.example:1")
	k.set("ALL_PROXY", "xyz://bob:hunter2@proxy.example:1")
	k.set("GOPROXY", "https://bob:hunter2@mirror.example,off")
	k.ModuleProxy.Value = "https://bob:hunter2@mirror.example,ftp://bob:hunter2@x.example"
	k.Dial = func(_ context.Context, address string) error { return errors.New("refused") }
	unreachable(k, errors.New("refused"))
	for _, r := range Examine(t.Context(), k.Host, Probes()) {
		for _, f := range r.Findings {
			if text := fmt.Sprint(f); contains(text, "hunter2") {
				t.Errorf("%s: %s", f.ID, text)
			}
		}
	}
}

var clockCases = []testCase{
	{"", "clock-wrong", Warning, func(k *kit) {
		k.ServerDate = func(context.Context, string) (time.Time, error) { return k.Now.Add(time.Hour), nil }
	}, `1h0m0s behind(.|\n)*https://proxy\.example says`, `timedatectl`},
	{"by far", "clock-wrong", Problem, func(k *kit) {
		k.ServerDate = func(context.Context, string) (time.Time, error) { return k.Now.Add(-48 * time.Hour), nil }
	}, `48h0m0s ahead`, `timedatectl`},
	{"", "clock-behind", Warning, func(k *kit) {
		k.must(os.Chtimes(filepath.Join(k.Root, "meta"), k.Now, k.Now.Add(72*time.Hour)))
	}, `meta is of`, `timedatectl`},
}

// TestOneWrongServer has one server with a wrong clock among others.
func TestOneWrongServer(t *testing.T) {
	k := newKit(t)
	k.ServerDate = func(_ context.Context, url string) (time.Time, error) {
		if url == "https://registry.example" {
			return k.Now.Add(time.Hour), nil
		}
		return k.Now, nil
	}
	if found := clockProbe.run(t.Context(), k.Host); found != nil {
		t.Errorf("found %+v", found)
	}
}

// registered makes one project known.
func registered(k *kit, used time.Duration, lockErr error) {
	path := k.at("home/p/gostore.lock")
	k.Registered = func() []Registered {
		return []Registered{{Project: roots.Project{Lock: path, Used: k.Now.Add(-used)}, LockErr: lockErr}}
	}
	k.Kept = func(context.Context) (Kept, error) {
		return Kept{Alone: map[string]int64{"project " + path: 300 << 20}}, nil
	}
}

const day = 24 * time.Hour

var rootCases = []testCase{
	{"", "root-gone", Warning, func(k *kit) { registered(k, 60*day, fs.ErrNotExist) }, `~/p is not there(.|\n)*alone keeps 300\.0 MiB\nnor is the directory`, `gostore roots --forget .*/home/p`},
	{"lately", "root-gone", Note, func(k *kit) { registered(k, day, fs.ErrNotExist) }, `is not there`, `--forget`},
	{"", "root-unreadable", Warning, func(k *kit) {
		registered(k, day, &textfile.Error{File: "/p/gostore.lock", Line: 3, Msg: "conflict"})
	}, `/p/gostore\.lock:3: conflict`, `\+3 /p/gostore\.lock\ngostore roots --forget`},
	{"denied", "root-unreadable", Warning, func(k *kit) { registered(k, day, fs.ErrPermission) }, `permission denied`, `--forget`},
	{"", "root-damaged", Problem, func(k *kit) {
		k.Registered = func() []Registered {
			return []Registered{{RecordErr: &roots.DamagedError{File: "r.json", Err: errors.New("torn")}}}
		}
	}, `r\.json": torn`, `remove the file`},
	{"", "generations-old", Note, func(k *kit) {
		k.Profiles[0].Generations = []profile.Generation{{Number: 3, Made: k.Now.Add(-400 * day)}, {Number: 1, Made: k.Now.Add(-500 * day)}}
		k.Profiles[0].Current = 1
		k.Kept = func(context.Context) (Kept, error) {
			return Kept{Alone: map[string]int64{"profile default generation 3": 1 << 30}}, nil
		}
	}, `1 generations of profile default(.|\n)*1\.0 GiB`, `gostore gc --older-than 180d`},
	{"", "leftovers", Note, func(k *kit) { k.Kept = func(context.Context) (Kept, error) { return Kept{Leftovers: 1 << 30}, nil } }, `1\.0 GiB`, `gostore gc`},
}

var storeCases = []testCase{
	{"", "store-unusable", Problem, func(k *kit) {
		k.StoreErr = &store.RootError{Dir: k.Root, Problem: "is not empty and is not a store"}
	}, `is not empty`, `GOSTORE_ROOT=DIR`},
	{"nowhere", "store-unusable", Problem, func(k *kit) { k.Root, k.StoreErr = "", errors.New("neither GOSTORE_ROOT nor HOME is set") },
		`no place for a store\nneither GOSTORE_ROOT`, `^export GOSTORE_ROOT=DIR`},
	{"", "store-owner", Problem, func(k *kit) { k.UID = os.Getuid() + 1 }, `belongs to uid`, `sudo chown -R`},
	{"", "store-writable", Problem, func(k *kit) { k.must(os.Chmod(filepath.Join(k.Root, "profiles"), 0o777)) }, `profiles has mode drwxrwxrwx`, `chmod go-w`},
	{"log", "store-writable", Problem, func(k *kit) {
		k.write(filepath.Join(k.Root, "log"), "")
		k.must(os.Chmod(filepath.Join(k.Root, "log"), 0o666))
	},
		`log has mode -rw-rw-rw-`, `chmod go-w`},
	{"gone file", "store-object", Problem, func(k *kit) { k.spoil(func(path string) error { return os.Remove(path) }) }, `bin/go is not there`, `gostore verify --repair b3:`},
	{"shorter file", "store-object", Problem, func(k *kit) {
		k.spoil(func(path string) error { return errors.Join(os.Remove(path), os.WriteFile(path, []byte("x"), 0o755)) })
	}, `bin/go has 1 bytes instead of 22`, `gostore verify`},
	{"mode", "store-object", Problem, func(k *kit) { k.spoil(func(path string) error { return os.Chmod(path, 0o444) }) }, `bin/go is not executable`, `gostore verify`},
	{"kind", "store-object", Problem, func(k *kit) {
		k.spoil(func(path string) error { return errors.Join(os.Remove(path), os.Mkdir(path, 0o755)) })
	}, `bin/go is of another kind`, `gostore verify`},
	{"manifest", "store-object", Problem, func(k *kit) {
		k.must(os.WriteFile(k.described(".manifest"), []byte("x"), 0o644))
	}, `its manifest cannot be read: manifest line 1`, `gostore verify`},
	{"no manifest", "store-object", Problem, func(k *kit) {
		k.must(os.Remove(k.described(".json")))
	}, `its manifest cannot be read`, `gostore verify`},
	{"", "store-aside", Problem, func(k *kit) {
		objects, err := k.Store.Objects()
		k.must(err)
		_, err = k.Store.SetAside(objects[0])
		k.must(err)
	}, `set aside .*, as .*/store/\.damaged-`, `gostore install`},
	{"", "store-twofold", Warning, func(k *kit) {
		k.write(k.at("home/.zshrc"), "export GOSTORE_ROOT=$HOME/other\n")
		k.write(k.at("home/.profile"), "export GOSTORE_ROOT="+k.Root+"\n")
	}, `~/\.zshrc:1: .*\nthe store in use is`, `\+1 .*/\.zshrc`},
	{"by name", "store-synced", Warning, func(k *kit) { k.Root = "/home/ann/Dropbox/gostore" }, `Dropbox`, `outside of the folder`},
	{"by mark", "store-synced", Warning, func(k *kit) { k.write(k.at(".stfolder"), "") }, `\.stfolder is there`, `outside of the folder`},
	{"colon", "store-path", Problem, func(k *kit) { k.Root = "/data/a:b" }, `separates the entries of PATH`, `GOSTORE_ROOT=DIR`},
	{"long", "store-path", Warning, func(k *kit) { k.Root = "/" + fmt.Sprintf("%0130d", 0) }, `131 bytes`, `GOSTORE_ROOT=DIR`},
	{"", "umask-open", Warning, func(k *kit) { k.Umask = 0 }, `the umask is 0000`, `umask 022`},
	{"", "profile-broken", Problem, func(k *kit) {
		k.Profiles[0].Err = &profile.BrokenError{Profile: "default", Path: "/r/profiles/default/current", Problem: "leads to generation 9, which does not exist"}
		k.Profiles[0].Current = 0
		k.Profiles[0].Generations = []profile.Generation{{Number: 4}, {Number: 5, Problem: "gone"}}
	}, `leads to generation 9`, `gostore generations --profile default\ngostore rollback --profile default 4$`},
}

// described returns the path of a file that describes the object.
func (k *kit) described(suffix string) string {
	hex, _, _ := strings.Cut(filepath.Base(k.object), "-")
	return filepath.Join(k.Root, "meta", hex+suffix)
}

// spoil changes the go of the store.
func (k *kit) spoil(change func(path string) error) {
	k.t.Helper()
	path := filepath.Join(k.object, "bin", "go")
	k.must(os.Chmod(filepath.Dir(path), 0o755))
	k.must(change(path))
}

// TestRootInSomebodysStore has root work where somebody else's store is, which is not as bad as the reverse.
func TestRootInSomebodysStore(t *testing.T) {
	k := newKit(t)
	if os.Getuid() == 0 {
		for _, path := range k.parts() {
			if exists(path) {
				k.must(os.Lchown(path, 64123, 64123))
			}
		}
	}
	k.UID = 0
	if found := k.owners(); len(found) != 1 || found[0].Severity != Warning {
		t.Errorf("found %+v", found)
	}
}

// otherGostore puts a gostore on PATH that says a version.
func otherGostore(k *kit, dir, version string) {
	k.script(filepath.Join(dir, "gostore"), "")
	k.set("PATH", k.getenv("PATH")+":"+dir)
	before := k.Run
	k.Run = func(ctx context.Context, limit time.Duration, environ []string, argv ...string) (Output, error) {
		if argv[0] == filepath.Join(dir, "gostore") {
			return Output{Stdout: "gostore " + version + " linux/amd64\n"}, nil
		}
		return before(ctx, limit, environ, argv...)
	}
}

var selfCases = []testCase{
	{"", "gostore-twice", Warning, func(k *kit) {
		otherGostore(k, k.at("a"), "1.0.0")
		otherGostore(k, k.at("b"), "0.9.0")
	}, `a/gostore is 1\.0\.0\n.*b/gostore is 0\.9\.0\nthis one is`, `^rm .*/b/gostore$`},
	{"", "gostore-other", Warning, func(k *kit) { otherGostore(k, k.at("a"), "0.9.0") }, `a/gostore is 0\.9\.0`, `ln -sf .*/gostore .*/a/gostore`},
	{"", "gostore-removed", Warning, func(k *kit) { k.Self = k.at("gone/gostore") + " (deleted)" }, `gone/gostore is not there`, `gostore shims`},
	{"", "gostore-dynamic", Note, func(k *kit) { k.must(program.Program{Interpreter: glibcLoader}.Write(k.Self)) }, `names a dynamic loader`, `CGO_ENABLED=0`},
}
