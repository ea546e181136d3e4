# zsh reads this file first because ZDOTDIR names this directory. The user's own directory comes
# back before any of the user's files run; they never see this one.
if (( ${+GOSTORE_ZDOTDIR} )); then
	ZDOTDIR=$GOSTORE_ZDOTDIR
	unset GOSTORE_ZDOTDIR
else
	unset ZDOTDIR
fi
if [[ -r "${ZDOTDIR-$HOME}/.zshenv" ]]; then
	source "${ZDOTDIR-$HOME}/.zshenv"
fi

# zsh reads .zshrc from the directory that ZDOTDIR names now. The system's zshrc comes before that
# one and would keep its completion cache and history in ZDOTDIR, so it waits for .zshrc as well.
if [[ -o interactive && -o rcs ]]; then
	if (( ${+ZDOTDIR} )); then
		gostore_zdotdir=$ZDOTDIR
	fi
	if [[ -o global_rcs ]]; then
		gostore_global_rcs=1
		unsetopt global_rcs
	fi
	ZDOTDIR=$GOSTORE_ENVIRONMENT/shell/zsh
fi
