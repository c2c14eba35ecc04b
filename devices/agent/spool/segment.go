package spool

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"weir/devices/agent/dialect"
)

// segment is a file of records:
//
//	length   uint32, big endian: of what follows the checksum
//	checksum uint32: CRC-32C of that
//	number   uint64
//	topic    uint16 length, then its bytes
//	payload  the rest
type segment struct {
	number uint64
	file   *os.File
	size   int64
}

const (
	recordHeader = 8     // length and checksum
	minRecord    = 8 + 2 // number and topic's length
	maxRecord    = 16 << 20
	suffix       = ".spool"
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("a record is damaged")

func encode(number uint64, m dialect.Message) ([]byte, error) {
	if len(m.Topic) > 0xffff || len(m.Payload) > maxRecord/2 {
		return nil, ErrTooLarge
	}
	b := make([]byte, recordHeader, recordHeader+minRecord+len(m.Topic)+len(m.Payload))
	b = binary.BigEndian.AppendUint64(b, number)
	b = binary.BigEndian.AppendUint16(b, uint16(len(m.Topic)))
	b = append(append(b, m.Topic...), m.Payload...)
	binary.BigEndian.PutUint32(b, uint32(len(b)-recordHeader))
	binary.BigEndian.PutUint32(b[4:], crc32.Checksum(b[recordHeader:], castagnoli))
	return b, nil
}

// decode reads a whole record.
func decode(b []byte) (Item, error) {
	if len(b) < recordHeader+minRecord || int(binary.BigEndian.Uint32(b)) != len(b)-recordHeader ||
		binary.BigEndian.Uint32(b[4:]) != crc32.Checksum(b[recordHeader:], castagnoli) {
		return Item{}, errDamaged
	}
	b = b[recordHeader:]
	topic := int(binary.BigEndian.Uint16(b[8:]))
	if topic > len(b)-minRecord {
		return Item{}, errDamaged
	}
	rest := b[minRecord:]
	return Item{binary.BigEndian.Uint64(b), dialect.Message{Topic: string(rest[:topic]), Payload: rest[topic:]}}, nil
}

func segmentNumbers(dir string) ([]uint64, error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, err
	}
	var numbers []uint64
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), suffix)
		if n, err := strconv.ParseUint(name, 10, 64); ok && err == nil {
			numbers = append(numbers, n)
		}
	}
	slices.Sort(numbers)
	return numbers, nil
}

func openSegment(dir string, n uint64) (*segment, error) {
	f, err := os.OpenFile(filepath.Join(dir, fmt.Sprintf("%016d%s", n, suffix)), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	info, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return &segment{n, f, info.Size()}, nil
}

// record is where a record lies in its segment.
type record struct {
	number uint64
	offset int64
	length int
}

// scan finds all records; it ends where one is not whole or damaged, since the
// beginning of the next cannot be told.
func (g *segment) scan() (records []record, damaged bool, err error) {
	b, err := io.ReadAll(io.NewSectionReader(g.file, 0, g.size))
	if err != nil {
		return nil, false, err
	}
	for at := 0; at < len(b); {
		if len(b)-at < recordHeader {
			return records, true, nil
		}
		length := int64(binary.BigEndian.Uint32(b[at:])) + recordHeader
		if length > int64(len(b)-at) {
			return records, true, nil
		}
		item, err := decode(b[at : at+int(length)])
		if err != nil {
			return records, true, nil
		}
		records = append(records, record{item.Number, int64(at), int(length)})
		at += int(length)
	}
	return records, false, nil
}

// append writes a record. One that could not be written whole is written over
// by the next.
func (g *segment) append(record []byte) (offset int64, err error) {
	if _, err := g.file.WriteAt(record, g.size); err != nil {
		return 0, err
	}
	offset = g.size
	g.size += int64(len(record))
	return offset, nil
}

func (g *segment) read(offset int64, length int) (Item, error) {
	b := make([]byte, length)
	if _, err := g.file.ReadAt(b, offset); err != nil {
		return Item{}, err
	}
	return decode(b)
}

func (g *segment) sync() error  { return g.file.Sync() }
func (g *segment) close() error { return g.file.Close() }

func (g *segment) remove() error {
	return errors.Join(g.file.Close(), os.Remove(g.file.Name()))
}

// The head is the number up to which messages were dropped, and its checksum. A
// head that is damaged drops nothing: messages are rather sent twice.
const headSize = 12

func readHead(f *os.File) uint64 {
	b := make([]byte, headSize)
	if _, err := f.ReadAt(b, 0); err != nil || binary.BigEndian.Uint32(b[8:]) != crc32.Checksum(b[:8], castagnoli) {
		return 0
	}
	return binary.BigEndian.Uint64(b)
}

func writeHead(f *os.File, number uint64) error {
	b := binary.BigEndian.AppendUint64(make([]byte, 0, headSize), number)
	b = binary.BigEndian.AppendUint32(b, crc32.Checksum(b, castagnoli))
	_, err := f.WriteAt(b, 0)
	return err
}
