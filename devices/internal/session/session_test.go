package session

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"weir/devices/internal/packet"
)

// TestSession plays scripts: each step is what happens and what is written
// then, "P3#2" a PUBLISH of number 3 with packet id 2, "+" behind it a DUP, and
// "R2" a PUBREL of id 2.
func TestSession(t *testing.T) {
	type step struct{ do, want string }
	tests := []struct {
		name  string
		qos   byte
		steps []step
		// what is left at the end
		inFlight  int
		unsettled string
	}{
		{"an acknowledged message is done with", 1, []step{
			{"publish", "P1#1"}, {"PUBACK 1", "acknowledged 1"}, {"resume", ""},
		}, 0, "[]"},
		{"what is unacknowledged is sent again in the original order", 1, []step{
			{"publish", "P1#1"}, {"publish", "P2#2"}, {"publish", "P3#3"}, {"PUBACK 2", "acknowledged 2"},
			{"resume", "P1#1+ P3#3+"}, {"publish", "P4#4"}, {"resume", "P1#1+ P3#3+ P4#4+"},
		}, 3, "[1 3 4]"},
		{"QoS 2 goes through its stages", 2, []step{
			{"publish", "P1#1"}, {"PUBREC 1", "R1 acknowledged 1"}, {"PUBCOMP 1", ""}, {"resume", ""},
		}, 0, "[]"},
		{"QoS 2 resumes with the PUBRELs, in the order of the PUBRECs", 2, []step{
			{"publish", "P1#1"}, {"publish", "P2#2"}, {"publish", "P3#3"}, {"PUBREC 3", "R3 acknowledged 3"}, {"PUBREC 1", "R1 acknowledged 1"},
			{"resume", "R3 R1 P2#2+"}, {"PUBCOMP 3", ""}, {"resume", "R1 P2#2+"},
		}, 2, "[2]"},
		{"a PUBREC that comes again is answered again", 2, []step{
			{"publish", "P1#1"}, {"PUBREC 1", "R1 acknowledged 1"}, {"PUBREC 1", "R1"}, {"PUBCOMP 1", ""},
		}, 0, "[]"},
		{"a refusal ends a message", 1, []step{
			{"publish", "P1#1"}, {"PUBACK 1 refused", "rejected 1"}, {"resume", ""},
		}, 0, "[]"},
		{"a refusal ends a message at QoS 2 without PUBREL", 2, []step{
			{"publish", "P1#1"}, {"PUBREC 1 refused", "rejected 1"}, {"resume", ""},
		}, 0, "[]"},
		{"what was not sent cannot be acknowledged", 1, []step{
			{"publish", "P1#1"}, {"PUBACK 2", "fault: PUBACK for packet id 2, which does not wait for one"},
		}, 1, "[1]"},
		{"nor by the packet of another QoS", 1, []step{
			{"publish", "P1#1"}, {"PUBREC 1", "fault: PUBREC for packet id 1, which does not wait for one"},
			{"PUBCOMP 1", "fault: PUBCOMP for packet id 1, which was not released"},
		}, 1, "[1]"},
		{"nor twice", 1, []step{
			{"publish", "P1#1"}, {"PUBACK 1", "acknowledged 1"}, {"PUBACK 1", "fault: PUBACK for packet id 1, which does not wait for one"},
		}, 0, "[]"},
		{"what was released is void with the server's session", 2, []step{
			{"publish", "P1#1"}, {"publish", "P2#2"}, {"PUBREC 1", "R1 acknowledged 1"}, {"void releases", ""}, {"resume", "P2#2+"},
		}, 1, "[2]"},
		{"QoS 0 is done with at once", 0, []step{{"publish", "P1"}, {"resume", ""}}, 0, "[]"},
		{"abandoning forgets everything but what was acknowledged", 2, []step{
			{"publish", "P1#1"}, {"publish", "P2#2"}, {"PUBREC 1", "R1 acknowledged 1"}, {"abandon", ""}, {"resume", ""}, {"publish", "P3#3"},
		}, 1, "[3]"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s, number := New[uint64](packet.V311, tt.qos), uint64(0)
			for i, step := range tt.steps {
				if got := play(s, &number, step.do); got != step.want {
					t.Fatalf("step %d, %s: got %q, want %q", i+1, step.do, got, step.want)
				}
			}
			if got := fmt.Sprint(slices.Collect(s.Unacknowledged())); s.InFlight() != tt.inFlight || got != tt.unsettled {
				t.Errorf("%d are in flight, unsettled %s", s.InFlight(), got)
			}
		})
	}
}

// play does one step of a script and says what came of it.
func play(s *Session[uint64], number *uint64, do string) string {
	switch do {
	case "publish":
		*number++
		return written(s.Publish(nil, "t", fmt.Append(nil, *number), *number))
	case "resume":
		return written(s.Resume(nil))
	case "abandon":
		s.Abandon()
		return ""
	case "void releases":
		s.VoidReleases()
		return ""
	}
	var name, refused string
	var a packet.Ack
	fmt.Sscan(do, &name, &a.ID, &refused)
	if refused != "" {
		a.Reason = 0x97
	}
	types := map[string]packet.Type{"PUBACK": packet.PUBACK, "PUBREC": packet.PUBREC, "PUBCOMP": packet.PUBCOMP}
	out, settled, err := s.Ack(nil, types[name], a)
	text := written(out)
	switch {
	case err != nil:
		text += " fault: " + err.Error()
	case settled == nil:
	case a.Refused():
		text += fmt.Sprint(" rejected ", *settled)
	default:
		text += fmt.Sprint(" acknowledged ", *settled)
	}
	return strings.TrimSpace(text)
}

// written describes packets on a topic of one letter.
func written(out []byte) string {
	var texts []string
	for len(out) > 0 {
		p, n, err := packet.Cut(out)
		if err != nil || n == 0 {
			return fmt.Sprintf("% x: %v", out, err)
		}
		out = out[n:]
		switch p.Type {
		case packet.PUBREL:
			texts = append(texts, fmt.Sprint("R", p.Body[1]))
		case packet.PUBLISH:
			text := fmt.Sprintf("P%s", p.Body[3:])
			if p.Flags&6 != 0 {
				text = fmt.Sprintf("P%s#%d", p.Body[5:], p.Body[4])
			}
			if p.Flags&8 != 0 {
				text += "+"
			}
			texts = append(texts, text)
		default:
			texts = append(texts, p.Type.String())
		}
	}
	return strings.Join(texts, " ")
}

func TestSessionReusesAPacketIDOnlyWhenItIsFree(t *testing.T) {
	s := New[int](packet.V311, 2)
	s.Publish(nil, "t", nil, 0) // id 1 waits for PUBREC throughout
	s.Publish(nil, "t", nil, 0)
	s.Ack(nil, packet.PUBREC, packet.Ack{ID: 2}) // id 2 waits for PUBCOMP throughout
	for want := 3; want <= 65535; want++ {
		s.Publish(nil, "t", nil, 0)
		if got := s.flights[1].id; int(got) != want {
			t.Fatalf("packet id %d, want %d", got, want)
		}
		s.Ack(nil, packet.PUBREC, packet.Ack{ID: uint16(want)})
		s.Ack(nil, packet.PUBCOMP, packet.Ack{ID: uint16(want)})
	}
	s.Publish(nil, "t", nil, 0)
	if got := s.flights[1].id; got != 3 {
		t.Errorf("after the round the packet id is %d, want 3", got)
	}
}
