package index

import (
	"slices"
	"sort"
)

// blockSize bounds a block of a list, in ids.
const blockSize = 1024

// list is an ascending list of ids. It is kept in blocks, so that taking an id
// out of a list of a million moves no more than one block.
//
// Invariant: no block is empty or longer than blockSize, and each begins above
// the end of the one before.
type list struct {
	n      int
	blocks [][]uint64
}

// block returns the first block that ends at id or above it, len(l.blocks) if
// none does.
func (l *list) block(id uint64) int {
	last := len(l.blocks) - 1
	if last < 0 || l.blocks[last][len(l.blocks[last])-1] < id { // most are added at the end
		return last + 1
	}
	return sort.Search(last, func(i int) bool { return l.blocks[i][len(l.blocks[i])-1] >= id })
}

func (l *list) has(id uint64) bool {
	i := l.block(id)
	if i == len(l.blocks) {
		return false
	}
	_, found := slices.BinarySearch(l.blocks[i], id)
	return found
}

// add reports whether id was not there.
func (l *list) add(id uint64) bool {
	i := l.block(id)
	if i == len(l.blocks) {
		l.append(id)
		return true
	}
	at, found := slices.BinarySearch(l.blocks[i], id)
	if found {
		return false
	}
	b := slices.Insert(l.blocks[i], at, id)
	l.blocks[i] = b
	if half := len(b) / 2; len(b) > blockSize {
		l.blocks[i] = b[:half:half]
		l.blocks = slices.Insert(l.blocks, i+1, slices.Clone(b[half:]))
	}
	l.n++
	return true
}

func (l *list) append(id uint64) {
	l.n++
	last := len(l.blocks) - 1
	if last < 0 || len(l.blocks[last]) >= blockSize {
		l.blocks = append(l.blocks, []uint64{id})
		return
	}
	l.blocks[last] = append(l.blocks[last], id)
}

// remove reports whether id was there. A block that shrinks joins its
// neighbour when both fill half a block, so that the list does not stay
// scattered.
func (l *list) remove(id uint64) bool {
	i := l.block(id)
	if i == len(l.blocks) {
		return false
	}
	at, found := slices.BinarySearch(l.blocks[i], id)
	if !found {
		return false
	}
	l.n--
	l.blocks[i] = slices.Delete(l.blocks[i], at, at+1)
	if len(l.blocks[i]) == 0 { // its neighbours may be too long to be joined to it
		l.blocks = slices.Delete(l.blocks, i, i+1)
		return true
	}
	if i+1 == len(l.blocks) {
		i--
	}
	if i >= 0 && len(l.blocks[i])+len(l.blocks[i+1]) <= blockSize/2 {
		l.blocks[i] = append(l.blocks[i], l.blocks[i+1]...)
		l.blocks = slices.Delete(l.blocks, i+1, i+2)
	}
	return true
}

// ids returns all ids in memory of their own.
func (l *list) ids() []uint64 { return slices.Concat(l.blocks...) }

// cursor walks up a list.
type cursor struct {
	head []uint64   // what is ahead in this block
	rest [][]uint64 // the blocks behind it
}

// seek moves to the first id that is not below id and returns it. Seeks ascend.
func (c *cursor) seek(id uint64) (uint64, bool) {
	if len(c.head) == 0 || c.head[len(c.head)-1] < id {
		n := sort.Search(len(c.rest), func(i int) bool { return c.rest[i][len(c.rest[i])-1] >= id })
		if n == len(c.rest) {
			*c = cursor{}
			return 0, false
		}
		c.head, c.rest = c.rest[n], c.rest[n+1:]
	}
	c.head = c.head[gallop(c.head, id):]
	return c.head[0], true
}

// gallop returns the place of the first of ids that is not below id, len(ids)
// if all are. It is quick when that place is near.
func gallop(ids []uint64, id uint64) int {
	high := 1
	for high <= len(ids) && ids[high-1] < id {
		high *= 2
	}
	low := high / 2
	for high = min(high-1, len(ids)); low < high; {
		if middle := (low + high) / 2; ids[middle] < id {
			low = middle + 1
		} else {
			high = middle
		}
	}
	return low
}
