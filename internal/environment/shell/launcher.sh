# Tells the tool where its own tree is, which it cannot find out by itself, and becomes the tool.
# Only what every POSIX shell has built in is used, except where this file was started through a link.
self=$0
while [ -h "$self" ]; do
	target=$(command -p readlink -- "$self") || exit 126
	case $target in
	/*) self=$target ;;
	*) self=${self%"${self##*/}"}$target ;;
	esac
done
case $self in
*/*) ;;
*) self=./$self ;;
esac
here=$(CDPATH= cd -P -- "${self%/*}/" && pwd -P) || exit 126
home=${here%/*/*}/$object
