package e2e

import (
	"testing"
	"time"

	"dip/contract"
	"dip/internal/client"
)

// The local stack has no nodes. Its maintenance says when its windows are, and obeys its switch.
func TestMaintenance(t *testing.T) {
	s := stack.Client()
	o := s.Outputs.Maintenance
	if o == nil {
		t.Fatal("the stack has no maintenance")
	}
	told := func(change func(*contract.MaintenanceSwitch)) contract.MaintenanceReport {
		t.Helper()
		if err := client.ChangeSwitch(t.Context(), s.SSM, o.Switch, change); err != nil {
			t.Fatal(err)
		}
		r, err := client.Maintain(t.Context(), s.Lambda, o.Function, contract.MaintenanceRequest{})
		if err != nil {
			t.Fatal(err)
		}
		return r
	}
	until := time.Now().UTC().Truncate(time.Second).Add(time.Hour)
	r := told(func(s *contract.MaintenanceSwitch) {
		s.Hold = &contract.Hold{Until: until, Reason: "end of the quarter"}
	})
	if r.Switch.Hold == nil || !r.Switch.Hold.Until.Equal(until) || r.Next == nil || r.Next.Name != "weekly" {
		t.Errorf("held: %+v", r)
	}
	if len(r.Groups)+len(r.Acts)+len(r.Delayed) > 0 || r.Sleep != nil {
		t.Errorf("it has nodes: %+v", r)
	}
	r = told(func(s *contract.MaintenanceSwitch) { s.Hold, s.Forced = nil, time.Now().UTC() })
	if r.Switch.Hold != nil || r.Window == nil || r.Window.Name != contract.ForcedWindow {
		t.Errorf("forced: %+v", r)
	}
	told(func(s *contract.MaintenanceSwitch) { *s = contract.MaintenanceSwitch{} })
}
