set -l gostore_rest
for gostore_entry in $PATH
    if test "$gostore_entry" != "$GOSTORE_ENVIRONMENT/bin"
        set -a gostore_rest $gostore_entry
    end
end
set -gx PATH $GOSTORE_ENVIRONMENT/bin $gostore_rest
