package history

// LastRow returns the row of a log that came last, of which it decodes one page
// at the most; nil if the log is empty. The row is valid until the decoder's
// next call.
func (d *Decoder) LastRow(v LogView) *Row {
	if len(v.pages) == 0 {
		return nil
	}
	d.state.restart()
	for rest := pageOf(v.buf, v.pages, len(v.pages)-1); len(rest) > 0; {
		n := d.state.readRow(rest)
		if n == 0 {
			panic("BUG: a log cannot read what it wrote")
		}
		rest = rest[n:]
	}
	d.state.row(&d.row)
	return &d.row
}
