package cmd

import (
	"fmt"
	"slices"
	"strings"
)

// didYouMean makes a hint of words that are near to what was written, "" when there are none.
func didYouMean(words []string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		quoted[i] = fmt.Sprintf("%q", w)
	}
	if len(quoted) == 0 {
		return ""
	}
	return "did you mean " + strings.Join(quoted, " or ") + "?"
}

// nearest returns the words that are at most a third of their length away from what was
// written, nearest first.
func nearest(written string, words []string) []string {
	near := slices.DeleteFunc(slices.Clone(words), func(w string) bool {
		return distance(written, w) > max(1, len(w)/3)
	})
	slices.SortStableFunc(near, func(a, b string) int { return distance(written, a) - distance(written, b) })
	return near
}

// distance is the number of insertions, deletions and replacements between two words
// (Levenshtein's).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			replace := diagonal
			if a[i] != b[j] {
				replace++
			}
			diagonal = row[j+1]
			row[j+1] = min(replace, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
