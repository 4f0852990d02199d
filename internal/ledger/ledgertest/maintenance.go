package ledgertest

import (
	"context"
	"reflect"
	"testing"

	"dip/contract"
	"dip/internal/ledger"
)

// Maintenance reads the record.
func (f *Fake) Maintenance(ctx context.Context) (m ledger.Maintenance, err error) {
	err = f.do(ctx, Op{Name: "Maintenance"}, func() error {
		m = clone(f.maintenance)
		return nil
	})
	return m, err
}

// KeepMaintenance replaces the record that was read.
func (f *Fake) KeepMaintenance(ctx context.Context, m ledger.Maintenance) (ok bool, err error) {
	err = f.do(ctx, Op{Name: "KeepMaintenance", Write: true}, func() error {
		if ok = f.maintenance.Revision == m.Revision; ok {
			m.Revision++
			f.maintenance = clone(m)
		}
		return nil
	})
	return ok && err == nil, err
}

// Whoever has read an older record does not replace a newer one.
func maintaining(t *testing.T, l Subject) {
	read := func() ledger.Maintenance {
		t.Helper()
		return must[ledger.Maintenance](t)(l.Maintenance(t.Context()))
	}
	keep := func(m ledger.Maintenance) bool {
		t.Helper()
		return must[bool](t)(l.KeepMaintenance(t.Context(), m))
	}
	first := read()
	if !reflect.DeepEqual(first, ledger.Maintenance{}) {
		t.Fatalf("a new ledger has %+v", first)
	}
	one := first
	one.Record = contract.MaintenanceRecord{
		Window: &contract.Window{Name: "weekly", Start: at(0), End: at(60)}, Overdue: []string{"services"},
		Begun: map[string]contract.BeganRun{"services": {Release: "1.36.0-20261118", Window: at(0)}},
	}
	if !keep(one) {
		t.Fatal("not kept")
	}
	if keep(first) {
		t.Error("a second first record")
	}
	second := read()
	if one.Revision = 1; !reflect.DeepEqual(second, one) {
		t.Errorf("read %+v, kept %+v", second, one)
	}
	second.Record.Overdue = nil
	if !keep(second) {
		t.Error("not replaced")
	}
	if keep(second) {
		t.Error("replaced by what had been read before")
	}
}
