package aggregator

import (
	"fmt"

	"weir/pkg/journal"
)

// checkPosition decides whether a journal can be folded on from a state that
// goes from origin to cursor of the journal called id; 0 and 0 is a state before
// its first frame. The error says what happened, in numbers, and what to do.
func checkPosition(origin, cursor uint64, id string, b journal.Bounds) error {
	if origin == 0 {
		return nil // a new state begins where the journal does
	}
	if id != b.ID && cursor <= b.Last {
		// A journal that was lost has grown beyond the cursor since: its
		// positions mean other frames.
		return otherJournal(id, b)
	}
	if cursor > b.Last {
		return fmt.Errorf("%w: the store goes up to position %d, but the journal ends at %d. "+
			"The journal was lost, truncated or exchanged; nothing was changed. "+
			"Restore the journal that belongs to this store, or move the store's directory away and start again: "+
			"it is then built anew from what the journal has", ErrJournalShort, cursor, b.Last)
	}
	if cursor+1 < b.First {
		return fmt.Errorf("%w: the store goes up to position %d, but the journal begins at %d, so %d frames are missing. "+
			"The journal was truncated at its beginning; nothing was changed. "+
			"Restore the journal that belongs to this store, or move the store's directory away and start again: "+
			"it is then built anew from what the journal has", ErrJournalGap, cursor, b.First, b.First-cursor-1)
	}
	return nil
}

func otherJournal(id string, b journal.Bounds) error {
	return fmt.Errorf("%w: the store was folded from the journal made at %s, this one was made at %s; nothing was changed. "+
		"Restore the journal that belongs to this store, or move the store's directory away and start again: "+
		"it is then built anew from what the journal has", ErrJournalOther, id, b.ID)
}
