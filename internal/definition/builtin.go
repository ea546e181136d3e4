package definition

import (
	_ "embed"
	"fmt"
	"sync"

	"gostore/internal/textfile"
)

// builtinFile holds the definitions that are a part of this program. Each was checked against what its upstream publishes; a
// new one changes testdata/urls.txt, where a review sees every URL that it leads to.
//
//go:embed builtin.toml
var builtinFile []byte

// builtinName is what complaints about builtinFile call it.
const builtinName = "builtin.toml"

// Builtin returns the definitions that are a part of this program. Go is not among them: its sources need none.
func Builtin() Set { return builtin() }

// builtin reads the file once. That it is free of errors is for the tests to hold.
var builtin = sync.OnceValue(func() Set {
	doc, err := textfile.ParseTOML(builtinName, builtinFile)
	var list []Definition
	if err == nil {
		list = Parse(doc, doc.May(&doc.Root, "tool", textfile.Table), builtinName)
		doc.Only(&doc.Root, "tool")
		err = doc.Err()
	}
	if err != nil {
		panic(fmt.Sprintf("definition: %v", err))
	}
	for i := range list {
		list[i].Place = builtinPlace
	}
	return Set{}.With(list)
})
