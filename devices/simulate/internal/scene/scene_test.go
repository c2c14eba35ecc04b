package scene

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/devices/simulate/internal/model"
)

func TestWhereAPlanStands(t *testing.T) {
	plan := Plan{Scenes: []Name{Outage, Storm}, After: time.Minute, For: 4 * time.Minute, Every: 6 * time.Minute}
	again := plan
	again.Repeat = true
	tests := []struct {
		name string
		plan Plan
		at   time.Duration
		want string
	}{
		{"a plan without scenes is calm", Plan{}, time.Hour, "steady 0 0 0.00 false"},
		{"before the first scene it is calm", plan, 59 * time.Second, "steady 0 0 0.00 false"},
		{"then the first begins", plan, time.Minute, "outage 0 1 0.00 true"},
		{"it is half over after half its time", plan, 3 * time.Minute, "outage 0 1 0.50 true"},
		{"behind it is rest", plan, 6 * time.Minute, "outage 0 1 1.25 false"},
		{"then the second begins", plan, 7 * time.Minute, "storm 0 2 0.00 true"},
		{"behind the last it stays calm", plan, 31 * time.Minute, "storm 0 2 6.00 false"},
		{"or it begins again", again, 13 * time.Minute, "outage 1 3 0.00 true"},
		{"and again", again, 27 * time.Minute, "outage 2 5 0.50 true"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := tt.plan.At(tt.at)
			if got := fmt.Sprintf("%s %d %d %.2f %v", m.Scene, m.Run, m.Played, m.Progress, m.On()); got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

func TestOutsideOfScenesNothingHappens(t *testing.T) {
	for _, s := range All {
		p := Plan{Scenes: []Name{s.Name}, After: time.Minute, For: time.Minute, Every: 5 * time.Minute}
		for i := range 20 {
			d := &Device{Kind: Node, Index: i, Firmware: "1.1.0", Noise: model.Noise(i)}
			for _, at := range []time.Duration{0, 59 * time.Second, 2 * time.Minute, 3 * time.Minute} {
				if e := p.Effects(d, at); e != (model.Effects{}) {
					t.Errorf("%s does %+v to a device at %v", s.Name, e, at)
				}
			}
		}
	}
}

func TestARolloutComesInWavesStaysAndIsTakenBackTheNextTime(t *testing.T) {
	p := Plan{Scenes: []Name{Rollout, Storm}, After: 0, For: time.Minute, Every: 2 * time.Minute, Repeat: true}
	share := func(at time.Duration) float64 {
		n := 0
		for i := range 1000 {
			if p.Effects(&Device{Kind: Node, Index: i, Firmware: OldVersion, Noise: model.Noise(1).Of(i)}, at).Firmware == GoodVersion {
				n++
			}
		}
		return float64(n) / 1000
	}
	var got []string
	for _, at := range []time.Duration{time.Second, 30 * time.Second, 59 * time.Second, 3 * time.Minute, 4*time.Minute + 30*time.Second, 5 * time.Minute, 8*time.Minute + 59*time.Second} {
		got = append(got, fmt.Sprintf("%v: %.1f", at, share(at)))
	}
	want := []string{"1s: 0.1", "30s: 0.6", "59s: 1.0", "3m0s: 1.0", "4m30s: 0.4", "5m0s: 0.0", "8m59s: 1.0"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("share of the nodes that run the new version (-want +got):\n%s", diff)
	}
	if e := p.Effects(&Device{Kind: Node, Firmware: "1.2.0"}, time.Minute); e.Firmware != "" {
		t.Errorf("a node with 1.2.0 gets %s", e.Firmware)
	}
}

func TestAnUnknownSceneIsAnErrorThatNamesThem(t *testing.T) {
	_, err := Parse("earthquake")
	want := `there is no scene "earthquake": expected one of steady, rollout, outage, flapping, storm, bad-firmware`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	for _, s := range All {
		if n, err := Parse(string(s.Name)); err != nil || n != s.Name {
			t.Errorf("%s: %v, %v", s.Name, n, err)
		}
	}
}
