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

// distance is the number of letters inserted, deleted, replaced or exchanged with their neighbour
// between two words (Levenshtein's, with Damerau's transpositions).
func distance(a, b string) int {
	rows := make([][]int, len(a)+1) // rows[i][j] is the distance between a[:i] and b[:j]
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
		rows[i][0] = i
	}
	for j := range rows[0] {
		rows[0][j] = j
	}
	for i := 1; i <= len(a); i++ {
		for j := 1; j <= len(b); j++ {
			replace := rows[i-1][j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			rows[i][j] = min(replace, rows[i][j-1]+1, rows[i-1][j]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				rows[i][j] = min(rows[i][j], rows[i-2][j-2]+1)
			}
		}
	}
	return rows[len(a)][len(b)]
}
