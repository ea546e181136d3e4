# The prompt hook of gostore, for zsh: eval "$(gostore hook zsh)" at the end of ~/.zshrc.
#
# Before each prompt, and after each change of directory, it looks, with nothing but zsh itself, whether anything changed that decides
# which environment belongs to the directory; only then it runs gostore, which says what to change. All names begin
# with _gostore_.

# What was there when gostore ran last; a shell that has it not is entering.
unset _gostore_seen _gostore_state
typeset -ga _gostore_watch
_gostore_watch=()
zmodload zsh/mapfile 2>/dev/null

# Leaves the directory and the project files that decide in _gostore_now, or nothing where they cannot be read without
# another program.
_gostore_look() {
	local _gostore_dir=${PWD%/} _gostore_file
	typeset -g _gostore_now=$PWD:${GOSTORE_ROOT-}:${GOSTORE_TRUST-}
	while :; do
		if [[ -e $_gostore_dir/gostore.lock || -e $_gostore_dir/gostore.toml ]]; then
			if ! zmodload -e zsh/mapfile; then
				_gostore_now=
				return 0
			fi
			for _gostore_file in $_gostore_dir/gostore.lock $_gostore_dir/gostore.toml; do
				[[ -f $_gostore_file && -r $_gostore_file ]] && _gostore_now+=:$_gostore_file:${mapfile[$_gostore_file]}
			done
			return 0
		fi
		[[ -n $_gostore_dir ]] || return 0
		_gostore_dir=${_gostore_dir%/*}
	done
}

# Says whether gostore has nothing to do.
_gostore_idle() {
	local _gostore_file
	[[ -n $_gostore_now && $_gostore_now == "${_gostore_seen-}" && ${GOSTORE_HOOK-} == "${_gostore_state-}" ]] || return 1
	for _gostore_file in $_gostore_watch; do
		case $_gostore_file in
		+*) [[ -e ${_gostore_file#+} ]] || return 1 ;;
		-*) [[ ! -e ${_gostore_file#-} ]] || return 1 ;;
		esac
	done
	return 0
}

# Exports a variable. A variable of the shell's own, that was not exported, is kept aside.
_gostore_put() {
	if [[ ${(tP)1} == scalar* && ${(tP)1} != *export* ]]; then
		typeset -g "_gostore_own_$1=${(P)1}"
	fi
	{ export "$1=$2" 2>/dev/null } always { TRY_BLOCK_ERROR=0 }
}

# Takes a variable away, and puts back what was kept aside.
_gostore_drop() {
	local _gostore_own=_gostore_own_$1
	{ unset "$1" 2>/dev/null } always { TRY_BLOCK_ERROR=0 }
	if (( ${(P)+_gostore_own} )); then
		typeset -g "$1=${(P)_gostore_own}"
		unset $_gostore_own
	fi
}

_gostore_hook() {
	local _gostore_status=$? _gostore_code _gostore_failed=0
	emulate -L zsh
	if [[ -z ${GOSTORE_SHELL-} && -d $PWD && -x {gostore} && $ZSH_SUBSHELL -eq 0 ]]; then
		_gostore_look
		if ! _gostore_idle; then
			_gostore_code=$({gostore} hook run zsh ${_gostore_seen+again}) || _gostore_failed=$?
			if (( _gostore_failed == 0 )); then
				eval "$_gostore_code"
			fi
			if (( _gostore_failed < 128 )); then # not interrupted
				typeset -g _gostore_seen=$_gostore_now _gostore_state=${GOSTORE_HOOK-}
			fi
		fi
	fi
	return $_gostore_status
}

typeset -ga precmd_functions chpwd_functions
if (( ! ${precmd_functions[(I)_gostore_hook]} )); then
	precmd_functions=(_gostore_hook $precmd_functions)
fi
if (( ! ${chpwd_functions[(I)_gostore_hook]} )); then
	chpwd_functions=(_gostore_hook $chpwd_functions)
fi
