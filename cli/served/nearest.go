package served

import "strings"

// nearest returns the name that a misspelt one was probably meant to be, or nothing.
func nearest(name string, names []string) string {
	best, distance := "", max(1, len(name)/3)+1

	for _, candidate := range names {
		if d := edits(strings.ToLower(name), strings.ToLower(candidate)); d < distance {
			best, distance = candidate, d
		}
	}

	return best
}

// edits is how many insertions, removals and replacements lead from one word to
// another: Levenshtein's distance.
func edits(from, to string) int {
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}

	for i := range len(from) {
		diagonal := row[0]
		row[0] = i + 1

		for j := range len(to) {
			cost := diagonal
			if from[i] != to[j] {
				cost++
			}

			diagonal = row[j+1]
			row[j+1] = min(cost, row[j]+1, row[j+1]+1)
		}
	}

	return row[len(to)]
}
