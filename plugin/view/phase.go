package view

// phaseActive tells the phases during which a run is under way.
func phaseActive(phase string) bool {
	switch phase {
	case "Waiting", "Progressing", "WaitingPromotion", "Promoting", "Finalising":
		return true
	}
	return false
}
