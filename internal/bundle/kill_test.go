package bundle

// children are what this test binary does when a test starts it again as a process of its own.
var children = map[string]func(){}
