package manual

// files are the files that commands read and write.
var files = [][2]string{
	{"gostore.lock", "What a project is locked to, for every platform. It belongs into version control."},
	{"gostore.toml", "What a project wants: tools, definitions, mirrors, variables, checks. It is optional."},
	{"$XDG_CONFIG_HOME/gostore/config.toml", "Your configuration; without XDG_CONFIG_HOME it is ~/.config/gostore/config.toml."},
	{"/etc/gostore/config.toml", "Layers for everybody: layers = [\"DIR\"]."},
	{"$GOSTORE_ROOT", "The store; without that variable it is $XDG_DATA_HOME/gostore, else ~/.local/share/gostore. A file README in it says what it is."},
	{"$GOSTORE_ROOT/profiles/default/current/bin", "The commands of the profile, for PATH."},
}

// environment are the variables that commands read.
var environment = [][2]string{
	{"GOSTORE_ROOT", "The directory of the store."},
	{"GOSTORE_CONFIG", "Your configuration file."},
	{"GOSTORE_MIRRORS", "Mirrors: PREFIX=URL,URL;PREFIX=URL."},
	{"GOSTORE_SOURCES", "Where tools come from: TOOL=SOURCE,TOOL=SOURCE."},
	{"GOSTORE_TRUST", "Directories, separated by colons, below which every project is trusted."},
	{"GOSTORE_LAYERS", "Stores below yours, separated by colons, or off: what they have is not copied."},
	{"GOSTORE_ALONE", "With 1 or true nobody else uses the machine: who could change the store's directories is not asked."},
	{"GOSTORE_SEAL", "How the files of new objects are sealed: mode or fs-verity."},
	{"GOSTORE_HOOK_QUIET", "With any value prompt hooks do not say what they apply."},
	{"GOSTORE_OFFLINE", "With 1 or true no socket is opened."},
	{"GOSTORE_GODEV_INDEX", "The index of Go toolchains for the source godev."},
	{"GOSTORE_CA_FILE", "Certificates to trust, instead of the system's."},
	{"GOSTORE_TRACE", "A file for an execution trace of the Go runtime."},
	{"GOPROXY", "The module proxies, as the go command has them; also from the file of \"go env -w\"."},
	{"NPM_CONFIG_REGISTRY", "The npm registry; also from .npmrc."},
	{"NETRC", "The file with passwords for servers."},
	{"HTTPS_PROXY, HTTP_PROXY, NO_PROXY", "The proxies to reach servers through."},
	{"SHELL", "What \"gostore shell\" starts."},
	{"NO_COLOR, CLICOLOR_FORCE, TERM", "Whether diagnostics have colours."},
}
