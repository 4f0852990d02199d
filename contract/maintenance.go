package contract

import (
	"encoding/json"
	"fmt"
	"time"
)

// MaintenancePlan is what a stack's maintenance function is told of its settings.
type MaintenancePlan struct {
	Windows []MaintenanceWindow `json:"windows,omitempty"`
	Nodes   bool                `json:"nodes,omitempty"` // windows update managed node groups
	Sleep   *Sleep              `json:"sleep,omitempty"` // nil: node groups never sleep
	// name of the public SSM parameter with the newest release of the managed groups' image; "" without a cluster
	Releases string `json:"releases,omitempty"`
	// first day on which the cluster's version has no standard support, YYYY-MM-DD; "" without a cluster
	SupportEnds string `json:"supportEnds,omitempty"`
}

// MaintenanceWindow is when updates may begin.
type MaintenanceWindow struct {
	Name    string   `json:"name"`
	Start   string   `json:"start"` // a Recurrence
	Zone    string   `json:"zone"`  // IANA
	Minutes int      `json:"minutes"`
	Except  []string `json:"except,omitempty"` // dates, YYYY-MM-DD, on which it does not open
}

// Sleep is when node groups have the minimum that they sleep with.
type Sleep struct {
	From         string         `json:"from"`         // HH:MM: begins
	Until        string         `json:"until"`        // HH:MM: ends, on business days
	Zone         string         `json:"zone"`         // IANA
	BusinessDays []time.Weekday `json:"businessDays"` // Sunday is 0
	Holidays     []string       `json:"holidays,omitempty"`
}

// MaintainedGroup is a node group as the maintenance function knows it.
type MaintainedGroup struct {
	Name             string `json:"name"` // in the stack's settings
	AutoScalingGroup string `json:"autoScalingGroup"`
	Cluster          string `json:"cluster"`
	Managed          string `json:"managed,omitempty"` // name in EKS; "": not managed by EKS
	Min              int    `json:"min"`               // nodes, while awake
	Asleep           int    `json:"asleep"`            // nodes, while asleep
	Sleeps           bool   `json:"sleeps"`            // false: others move its minimum
}

// MaintenanceSwitch is what people tell the maintenance function: the value of an SSM parameter, which only they write.
// The zero value is that of a new stack.
type MaintenanceSwitch struct {
	Hold   *Hold     `json:"hold,omitempty"`
	Forced time.Time `json:"forced,omitzero"` // a window of ForcedFor began then, whatever is held
	Awake  time.Time `json:"awake,omitzero"`  // nothing sleeps before then
}

// Hold is a time in which nothing is updated or falls asleep.
type Hold struct {
	Until  time.Time `json:"until"`
	Reason string    `json:"reason"`
}

// ForcedWindow is the name of a window that people open.
const ForcedWindow = "forced"

// ForcedFor is how long a forced window is open.
const ForcedFor = 4 * time.Hour

// ParseSwitch reads the value of the parameter.
func ParseSwitch(value string) (s MaintenanceSwitch, err error) {
	if err := json.Unmarshal([]byte(value), &s); err != nil {
		return MaintenanceSwitch{}, fmt.Errorf("read the maintenance switch %q: %w", Cut(value), err)
	}
	return s, nil
}

// MaintenanceRequest is what the maintenance function is called with. The zero value, and every event that is none:
// maintain.
type MaintenanceRequest struct {
	Look bool `json:"look,omitempty"` // change nothing: report what would be done
}

// MaintenanceAct is something that the maintenance function does with a node group.
type MaintenanceAct struct {
	Kind    MaintenanceKind `json:"kind"`
	Group   string          `json:"group"`
	Min     int             `json:"min,omitempty"`     // of Lower and Raise
	Release string          `json:"release,omitempty"` // of Update
	Why     string          `json:"why"`
}

// MaintenanceKind is what is done.
type MaintenanceKind string

// The kinds.
const (
	Update MaintenanceKind = "update" // replaces the nodes by those of a newer release of their image
	Lower  MaintenanceKind = "lower"  // lowers the minimum
	Raise  MaintenanceKind = "raise"  // raises the minimum
)

// MaintenanceDelay is an act that is due and has to wait.
type MaintenanceDelay struct {
	MaintenanceAct
	For string `json:"for"` // what it waits for
}

// Window is a window that is or was open.
type Window struct {
	Name  string    `json:"name"`
	Start time.Time `json:"start"`
	End   time.Time `json:"end"`
}

// MaintenanceRun is an act that was done.
type MaintenanceRun struct {
	MaintenanceAct
	At time.Time `json:"at"`
}

// MaintenanceRecord is what the maintenance function remembers from one run to the next.
type MaintenanceRecord struct {
	Window  *Window             `json:"window,omitempty"`  // open at the last run
	Begun   map[string]BeganRun `json:"begun,omitempty"`   // the last update of each group
	Overdue []string            `json:"overdue,omitempty"` // groups that the last window should have updated
	Runs    []MaintenanceRun    `json:"runs,omitempty"`    // the last ones, oldest first
}

// BeganRun is an update that has begun.
type BeganRun struct {
	Release string    `json:"release"`
	Window  time.Time `json:"window"` // start of the window
}

// MaintenanceReport is what the maintenance function answers.
type MaintenanceReport struct {
	At      time.Time          `json:"at"`
	Acts    []MaintenanceAct   `json:"acts,omitempty"`    // done now; with Look: what would be
	Delayed []MaintenanceDelay `json:"delayed,omitempty"` // due, and waiting
	Window  *Window            `json:"window,omitempty"`  // open now
	Next    *Window            `json:"next,omitempty"`    // opens next
	Sleep   *SleepState        `json:"sleep,omitempty"`   // nil: nothing ever sleeps
	Switch  MaintenanceSwitch  `json:"switch"`
	Groups  []GroupState       `json:"groups,omitempty"`
	Loads   []string           `json:"loads,omitempty"` // in progress on nodes
	Record  MaintenanceRecord  `json:"record"`
	// first day without standard support of the cluster's version, YYYY-MM-DD
	SupportEnds string `json:"supportEnds,omitempty"`
}

// SleepState is whether node groups sleep.
type SleepState struct {
	Asleep bool      `json:"asleep"`
	Until  time.Time `json:"until"` // when that changes by itself
	// when sleep begins next: until then a stack that is woken stays awake
	Next time.Time `json:"next"`
}

// GroupState is a node group now.
type GroupState struct {
	Name    string `json:"name"`
	Min     int    `json:"min"`               // of its Auto Scaling group
	Status  string `json:"status,omitempty"`  // in EKS; "": not managed by EKS
	Release string `json:"release,omitempty"` // of its image; "": not managed by EKS
	Newest  string `json:"newest,omitempty"`
}
