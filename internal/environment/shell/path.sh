gostore_bin=$GOSTORE_ENVIRONMENT/bin
gostore_rest=:${PATH-}:
while :; do
	case $gostore_rest in
	*:"$gostore_bin":*) gostore_rest=${gostore_rest%%:"$gostore_bin":*}:${gostore_rest#*:"$gostore_bin":} ;;
	*) break ;;
	esac
done
gostore_rest=${gostore_rest#:}
gostore_rest=${gostore_rest%:}
PATH=$gostore_bin${gostore_rest:+:$gostore_rest}
export PATH
unset gostore_bin gostore_rest
