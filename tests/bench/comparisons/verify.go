package comparisons

import (
	"os/exec"
	"strings"

	"gostore/tests/bench/figures"
	"gostore/tests/bench/rounds"
)

// verify compares proving that a toolchain is whole.
func (b bench) verify() error {
	root, dir, err := b.locked(first)
	if err != nil {
		return err
	}
	tree, err := b.toolchainIn(root, dir)
	if err != nil {
		return err
	}
	const ours, whole, nix, b3sum = "gostore verify OBJECT", "gostore verify, the store with it", "nix-store --verify-path", "b3sum of its files, by xargs"
	arms := []rounds.Arm{
		rounds.Always(ours, true, func() *exec.Cmd { return b.Gostore(root, dir, "verify", "go@"+strings.TrimPrefix(first, "go")) }),
		rounds.Always(whole, true, func() *exec.Cmd { return b.Gostore(root, dir, "verify") }),
	}
	if path, ok := b.Peers.Path("nix-store"); ok {
		n, err := b.nix("nix")
		if err != nil {
			return err
		}
		added, err := rounds.Answer(n.command(path, "--add", tree))
		if err != nil {
			return err
		}
		arms = append(arms, rounds.Always(nix, false, func() *exec.Cmd { return n.command(path, "--verify-path", added) }))
	}
	sum := func(name, command string) rounds.Arm {
		return rounds.Always(name, false, func() *exec.Cmd {
			return b.Shell(tree, `find . -type f -print0 | xargs -0 "$1" >/dev/null`, command)
		})
	}
	arms = b.with(arms, "b3sum", sum(b3sum, "b3sum"))
	arms = b.with(arms, "sha256sum", sum("sha256sum of its files, by xargs", "sha256sum"))
	return b.Compare(figures.Table{
		Name:    "verify",
		Title:   "Verify a Go toolchain",
		Note:    "Everything in the page cache.",
		Skipped: b.skipped("nix-store", "b3sum", "sha256sum"),
		Targets: []figures.Target{
			{What: "verify a warm Go tree, against nix", Of: ours, To: nix, AtMost: 0.45},
			{What: "the same, against b3sum", Of: ours, To: b3sum, AtMost: 0.65},
		},
	}, 9, arms...)
}
