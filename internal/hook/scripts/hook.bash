# The prompt hook of gostore, for bash: eval "$(gostore hook bash)" at the end of ~/.bashrc.
#
# Before each prompt it looks, with nothing but bash itself, whether anything changed that decides which environment belongs
# to the directory; only then it runs gostore, which says what to change. All names begin with _gostore_.

# What was there when gostore ran last; a shell that has it not is entering.
unset -v _gostore_seen _gostore_state
_gostore_watch=('')

# Leaves the directory and the project files that decide in _gostore_now, or nothing where reading them would take longer than
# running gostore.
_gostore_look() {
	local _gostore_dir=$PWD _gostore_file _gostore_text
	_gostore_now=$PWD:${GOSTORE_ROOT-}:${GOSTORE_TRUST-}
	while :; do
		if [[ -e $_gostore_dir/gostore.lock || -e $_gostore_dir/gostore.toml ]]; then
			for _gostore_file in "$_gostore_dir/gostore.lock" "$_gostore_dir/gostore.toml"; do
				[[ -f $_gostore_file && -r $_gostore_file ]] || continue
				{ IFS= read -r -d '' -n 65536 _gostore_text <"$_gostore_file"; } 2>/dev/null || :
				_gostore_now+=:$_gostore_file:$_gostore_text
				if [[ ${#_gostore_text} -ge 65536 ]]; then
					_gostore_now=
					return 0
				fi
			done
			return 0
		fi
		[[ $_gostore_dir ]] || return 0
		_gostore_dir=${_gostore_dir%/*}
	done
}

# Says whether gostore has nothing to do.
_gostore_idle() {
	local _gostore_file
	[[ $_gostore_now && $_gostore_now == "${_gostore_seen-}" && ${GOSTORE_HOOK-} == "${_gostore_state-}" ]] || return 1
	for _gostore_file in "${_gostore_watch[@]}"; do
		case $_gostore_file in
		+*) [[ -e ${_gostore_file#+} ]] || return 1 ;;
		-*) [[ ! -e ${_gostore_file#-} ]] || return 1 ;;
		esac
	done
	return 0
}

# Exports a variable. A variable of the shell's own, that was not exported, is kept aside.
_gostore_put() {
	local _gostore_flags
	if [[ ${!1+set} ]]; then
		_gostore_flags=$(declare -p "$1" 2>/dev/null) || _gostore_flags=
		_gostore_flags=${_gostore_flags#declare -}
		if [[ ${_gostore_flags%% *} != *x* ]]; then
			printf -v "_gostore_own_$1" %s "${!1}"
		fi
	fi
	export "$1=$2" 2>/dev/null || :
}

# Takes a variable away, and puts back what was kept aside.
_gostore_drop() {
	local _gostore_own=_gostore_own_$1
	unset -v "$1" 2>/dev/null || :
	if [[ ${!_gostore_own+set} ]]; then
		printf -v "$1" %s "${!_gostore_own}"
		unset -v "$_gostore_own"
	fi
}

_gostore_hook() {
	local _gostore_status=$? _gostore_code _gostore_failed=0
	if [[ ! ${GOSTORE_SHELL-} && -d $PWD && -x {gostore} ]]; then
		_gostore_look
		if ! _gostore_idle; then
			_gostore_code=$({gostore} hook run bash ${_gostore_seen+again}) || _gostore_failed=$?
			if [[ $_gostore_failed -eq 0 ]]; then
				eval "$_gostore_code"
			fi
			if [[ $_gostore_failed -lt 128 ]]; then # not interrupted
				_gostore_seen=$_gostore_now
				_gostore_state=${GOSTORE_HOOK-}
			fi
		fi
	fi
	# The status is for the commands before the prompt that come after; bash restores the user's itself. Where there are none, or where a
	# failure ends the shell, it would only be one more failure.
	if [[ $- == *e* || ${PROMPT_COMMAND[*]-} == _gostore_hook ]]; then
		return 0
	fi
	return $_gostore_status
}

if [[ "${PROMPT_COMMAND[*]-}" != *_gostore_hook* ]]; then
	if [[ $(declare -p PROMPT_COMMAND 2>/dev/null) == "declare -a"* ]]; then
		PROMPT_COMMAND=(_gostore_hook "${PROMPT_COMMAND[@]}")
	else
		PROMPT_COMMAND="_gostore_hook${PROMPT_COMMAND:+;$PROMPT_COMMAND}"
	fi
fi
