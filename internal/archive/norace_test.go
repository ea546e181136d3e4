//go:build !race

package archive

// detectingRaces says that this program needs several times the memory that it would need otherwise.
const detectingRaces = false
