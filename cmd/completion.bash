# bash completion for gostore                              -*- shell-script -*-
#
# It needs nothing beside bash itself, 3.2 or later. The words of the line are put together again first:
# readline also ends words at the "@", ":" and "=" of COMP_WORDBREAKS, so that it has go@1.22 in pieces, and
# replaces the last piece only: what follows a ":" or "=", but an "@" with what follows it.

__start_gostore() {
    local line=${COMP_LINE:0:COMP_POINT} words i n=0 word space
    words=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        space=${line%%[![:space:]]*}
        line=${line#"$space"}
        if ((i == COMP_CWORD)); then
            word=$line
        fi
        line=${line#"$word"}
        if ((i > 0)) && [[ -z $space ]]; then
            words[n - 1]+=$word
        else
            words[n++]=$word
        fi
    done
    local cur=${words[n - 1]} kept='' mark
    if [[ $cur == -*=* ]]; then # the answers are the values of the flag
        cur=${cur#*=}
    fi
    for mark in @ : =; do
        if [[ $COMP_WORDBREAKS == *"$mark"* && $cur == *"$mark"* ]]; then
            space=${cur%"$mark"*}
            [[ $mark == @ ]] || space+=$mark
            ((${#space} > ${#kept})) && kept=$space
        fi
    done

    local command=${words[0]} out value directive=0
    command=${command/#\~/$HOME}
    out=$("$command" __complete "${words[@]:1}" 2>/dev/null) || return
    COMPREPLY=()
    while IFS= read -r line; do
        value=${line%%$'\t'*}
        case $line in
        '') ;;
        :[0-9]*) directive=${line#:} ;;
        _activeHelp_*) ;;
        "$cur"*)
            # A description is shown beside the value where all are listed, and only there: it is never inserted.
            if [[ $COMP_TYPE == 63 && $line == *$'\t'* ]]; then
                value+="  (${line#*$'\t'})"
            fi
            COMPREPLY+=("${value#"$kept"}")
            ;;
        esac
    done <<<"$out"
    if ((${#COMPREPLY[@]} == 1)); then
        COMPREPLY[0]=${COMPREPLY[0]%%  (*}
    fi

    ((directive & 1)) && COMPREPLY=() && return
    ((directive & 2)) && compopt -o nospace 2>/dev/null
    ((directive & 32)) && compopt -o nosort 2>/dev/null
    if ((directive & 16)); then
        compopt -o filenames 2>/dev/null
        while IFS= read -r line; do COMPREPLY+=("$line"); done < <(compgen -d -- "$cur")
    elif ((!(directive & 4) && ${#COMPREPLY[@]} == 0)); then
        compopt -o default 2>/dev/null
    fi
    return 0
}

complete -F __start_gostore gostore
