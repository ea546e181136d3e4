# The prompt hook of gostore, for nushell 0.101 and later: in $nu.data-dir/vendor/autoload, or sourced by config.nu.
#
# Before each prompt it looks, with nothing but nu itself, whether anything changed that decides
# which environment belongs to the directory; only then it runs gostore, which says what to change.

# Returns the directory and the project files that decide.
def _gostore_look [] {
    mut dir = $env.PWD
    mut now = [$env.PWD ($env.GOSTORE_ROOT? | default "") ($env.GOSTORE_TRUST? | default "")]
    loop {
        let files = [($dir | path join gostore.lock) ($dir | path join gostore.toml)] | where {|file| $file | path exists }
        if ($files | is-not-empty) {
            for file in $files {
                $now = ($now | append [$file (try { open --raw $file | into binary | encode base64 } catch { "" })])
            }
            return $now
        }
        let above = ($dir | path dirname)
        if $above == $dir or $above == "" {
            return $now
        }
        $dir = $above
    }
}

# Says whether gostore has nothing to do.
def _gostore_idle [now: list<string>] {
    let last = ($env._GOSTORE_LAST? | default null)
    if $last == null or $last.pid != $nu.pid or $last.now != $now or $last.state != ($env.GOSTORE_HOOK? | default "") {
        return false
    }
    $last.watch | all {|file| ($file | str substring 1.. | path exists) == ($file | str starts-with "+") }
}

def --env _gostore_hook [] {
    if ($env.GOSTORE_SHELL? | default "") != "" or not ($env.PWD | path exists) or not ({gostore} | path exists) {
        return
    }
    let now = (_gostore_look)
    if (_gostore_idle $now) {
        return
    }
    let again = if ($env._GOSTORE_LAST?.pid? | default 0) == $nu.pid { [again] } else { [] }
    let answer = (try { ^{gostore} hook run nu ...$again | from json } catch { null })
    mut watch = []
    if $answer != null {
        $watch = $answer.watch
        for name in ($answer.drop | where {|name| $name in $env }) {
            hide-env $name
        }
        load-env ($answer.put | reject --optional PATH)
        if PATH in $answer.put {
            $env.PATH = ($answer.put.PATH | split row (char esep))
        }
    }
    $env._GOSTORE_LAST = {pid: $nu.pid, now: $now, state: ($env.GOSTORE_HOOK? | default ""), watch: $watch}
}

export-env {
    $env.config = ($env.config? | default {}
        | upsert hooks.pre_prompt {|c| $c.hooks?.pre_prompt? | default [] | append {|| _gostore_hook } })
}
