# Follows .zshenv beside it: the system's and the user's start files in zsh's own order, then the
# environment's commands and variables once more, whatever those did.
if (( ${+gostore_zdotdir} )); then
	ZDOTDIR=$gostore_zdotdir
	unset gostore_zdotdir
else
	unset ZDOTDIR
fi
if (( ${+gostore_global_rcs} )); then
	unset gostore_global_rcs
	setopt global_rcs
	if [[ -r /etc/zsh/zshrc ]]; then
		source /etc/zsh/zshrc
	elif [[ -r /etc/zshrc ]]; then
		source /etc/zshrc
	fi
fi
if [[ -r "${ZDOTDIR-$HOME}/.zshrc" ]]; then
	source "${ZDOTDIR-$HOME}/.zshrc"
fi
source "$GOSTORE_ENVIRONMENT/shell/env.sh"
