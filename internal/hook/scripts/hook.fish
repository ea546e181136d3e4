# The prompt hook of gostore, for fish: gostore hook fish | source, in ~/.config/fish/config.fish.
#
# Before each prompt, and when the directory changes, it looks, with nothing but fish itself, whether anything changed that decides
# which environment belongs to the directory; only then it runs gostore, which says what to change. All names
# begin with _gostore_.

# What was there when gostore ran last; a shell that has it not is entering.
set -e -g _gostore_seen
set -g _gostore_watch

# Leaves the directory and the project files that decide in _gostore_now.
function _gostore_look
    set -l dir $PWD
    set -l text
    set -g _gostore_now $PWD "$GOSTORE_ROOT" "$GOSTORE_TRUST"
    while true
        if test -e "$dir/gostore.lock" -o -e "$dir/gostore.toml"
            for file in "$dir/gostore.lock" "$dir/gostore.toml"
                if test -f $file -a -r $file
                    read -z text <$file
                    set -a _gostore_now $file $text
                end
            end
            return
        end
        test -n "$dir"; or return
        set dir (string replace -r '/[^/]*$' '' -- $dir)
    end
end

# Says whether gostore has nothing to do.
function _gostore_idle
    set -q _gostore_seen; or return 1
    test "$_gostore_now" = "$_gostore_seen" -a "$GOSTORE_HOOK" = "$_gostore_state"; or return 1
    for file in $_gostore_watch
        set -l path (string sub -s 2 -- $file)
        if string match -q -- '+*' $file
            test -e $path; or return 1
        else
            test -e $path; and return 1
        end
    end
    return 0
end

# Exports a variable. A global variable that was not exported is kept aside; a universal one that has the value is used.
function _gostore_put --argument-names name value
    if set -qg $name; and not set -qgx $name
        set -g _gostore_own_$name $$name
    end
    if set -qU $name
        set -e -g $name
        if set -qx $name; and test "$$name" = "$value"
            return
        end
    end
    set -gx $name $value
end

# Takes a variable away, and puts back what was kept aside. A universal variable is everybody's: it can only be covered.
function _gostore_drop --argument-names name
    set -e -g $name
    set -l own _gostore_own_$name
    if set -qg $own
        set -g $name $$own
        set -e -g $own
    else if set -qUx $name
        set -gx $name ''
    end
end

function _gostore_hook --on-event fish_prompt --on-variable PWD
    if test -n "$GOSTORE_SHELL" -o ! -d "$PWD" -o ! -x {gostore}
        return
    end
    _gostore_look
    if not _gostore_idle
        set -l again
        set -q _gostore_seen; and set again again
        set -l code ({gostore} hook run fish $again | string collect)
        set -l failed $pipestatus[1]
        if test $failed -eq 0
            eval $code
        end
        if test $failed -lt 128 # not interrupted
            set -g _gostore_seen $_gostore_now
            set -g _gostore_state "$GOSTORE_HOOK"
        end
    end
end
