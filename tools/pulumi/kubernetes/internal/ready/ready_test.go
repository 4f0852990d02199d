package ready

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestMissing(t *testing.T) {
	const seen = `"observedGeneration": 2`
	for _, c := range []struct{ kind, fields, missing, never string }{
		{"v1 ConfigMap", ``, "", ""},
		{"v1 Namespace", `"status": {"phase": "Active"}`, "", ""},
		{"v1 Namespace", `"status": {"phase": "Terminating"}`, `"Terminating"`, ""},
		{"v1 Service", `"spec": {"type": "ClusterIP"}`, "", ""},
		{"v1 Service", `"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {}}`, "no address", ""},
		{"v1 Service", `"spec": {"type": "LoadBalancer"}, "status": {"loadBalancer": {"ingress": [{"ip": "10.0.0.1"}]}}`, "",
			""},
		{"apps/v1 Deployment",
			`"spec": {"replicas": 2}, "status": {"observedGeneration": 1, "updatedReplicas": 2, "availableReplicas": 2,
				"replicas": 2}`, notObserved, ""},
		{"apps/v1 Deployment", `"spec": {"replicas": 2}, "status": {` + seen +
			`, "updatedReplicas": 1, "availableReplicas": 2, "replicas": 2}`, "1 of 2 replicas are updated", ""},
		{"apps/v1 Deployment", `"spec": {"replicas": 2}, "status": {` + seen +
			`, "updatedReplicas": 2, "availableReplicas": 2, "replicas": 3}`, "1 old replicas", ""},
		{"apps/v1 Deployment", `"spec": {"replicas": 2}, "status": {` + seen +
			`, "updatedReplicas": 2, "availableReplicas": 1, "replicas": 2}`, "1 of 2 replicas are available", ""},
		{"apps/v1 Deployment", `"spec": {"replicas": 2}, "status": {` + seen +
			`, "updatedReplicas": 2, "availableReplicas": 2, "replicas": 2}`, "", ""},
		{"apps/v1 Deployment", `"spec": {"replicas": 0}, "status": {` + seen + `}`, "", ""},
		{"apps/v1 Deployment", `"spec": {}, "status": {` + seen + `}`, "0 of 1 replicas", ""},
		{"apps/v1 Deployment", `"spec": {"paused": true}`, "", ""},
		{"apps/v1 Deployment",
			`"status": {` + seen +
				`, "conditions": [{"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded",
				"message": "m"}]}`, "", "ProgressDeadlineExceeded: m"},
		{"apps/v1 DaemonSet", `"status": {"observedGeneration": 1}`, notObserved, ""},
		{"apps/v1 DaemonSet",
			`"status": {` + seen + `, "desiredNumberScheduled": 3, "updatedNumberScheduled": 2, "numberAvailable": 3}`,
			"2 of 3 pods are updated", ""},
		{"apps/v1 DaemonSet", `"spec": {"updateStrategy": {"type": "OnDelete"}}, "status": {` + seen +
			`, "desiredNumberScheduled": 3, "numberAvailable": 3}`, "", ""},
		{"apps/v1 DaemonSet",
			`"status": {` + seen + `, "desiredNumberScheduled": 3, "updatedNumberScheduled": 3, "numberAvailable": 2}`,
			"2 of 3 pods are available", ""},
		{"apps/v1 DaemonSet", `"status": {` + seen + `, "desiredNumberScheduled": 0}`, "", ""},
		{"apps/v1 StatefulSet", `"status": {"observedGeneration": 1}`, notObserved, ""},
		{"apps/v1 StatefulSet", `"spec": {"replicas": 3}, "status": {` + seen + `, "readyReplicas": 3, "updatedReplicas": 1}`,
			"1 of 3 replicas are updated", ""},
		{"apps/v1 StatefulSet",
			`"spec": {"replicas": 3, "updateStrategy": {"rollingUpdate": {"partition": 2}}}, "status": {` + seen +
				`, "readyReplicas": 3, "updatedReplicas": 1}`, "", ""},
		{"apps/v1 StatefulSet", `"spec": {"replicas": 3}, "status": {` + seen + `, "readyReplicas": 2, "updatedReplicas": 3}`,
			"2 of 3 replicas are ready", ""},
		{"batch/v1 Job", `"status": {}`, "not Complete", ""},
		{"batch/v1 Job", `"spec": {"suspend": true}`, "", ""},
		{"batch/v1 Job", `"status": {"conditions": [{"type": "Complete", "status": "True"}]}`, "", ""},
		{"batch/v1 Job", `"status": {"conditions": [{"type": "Failed", "status": "True", "reason": "BackoffLimitExceeded"}]}`,
			"", "BackoffLimitExceeded"},
		{"v1 Pod", `"status": {"phase": "Pending"}`, "not Ready", ""},
		{"v1 Pod", `"status": {"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]}`, "", ""},
		{"v1 Pod", `"status": {"phase": "Succeeded"}`, "", ""},
		{"v1 Pod", `"status": {"phase": "Failed", "containerStatuses": [{"name": "c", "state": {"terminated":
			{"reason": "OOMKilled"}}}]}`, "", "container c is terminated: OOMKilled"},
		{"apiextensions.k8s.io/v1 CustomResourceDefinition", `"status": {}`, "not Established", ""},
		{"apiextensions.k8s.io/v1 CustomResourceDefinition",
			`"status": {"conditions": [{"type": "NamesAccepted", "status": "False", "message": "taken"}]}`, "", "taken"},
		{"apiextensions.k8s.io/v1 CustomResourceDefinition",
			`"status": {"conditions": [{"type": "Established", "status": "True"}]}`, "", ""},
		{"apiregistration.k8s.io/v1 APIService",
			`"status": {"conditions": [{"type": "Available", "status": "False", "reason": "MissingEndpoints"}]}`,
			"MissingEndpoints", ""},
		{"apiregistration.k8s.io/v1 APIService", `"status": {"conditions": [{"type": "Available", "status": "True"}]}`, "",
			""},
	} {
		o := parse(t, c.kind, c.fields)
		missing, err := Missing(o)
		switch {
		case c.never != "":
			if err == nil || !strings.Contains(err.Error(), c.never) {
				t.Errorf("%s %s: %q, %v; want the error %q", c.kind, c.fields, missing, err, c.never)
			}
		case err != nil || !strings.Contains(missing, c.missing) || (missing == "") != (c.missing == ""):
			t.Errorf("%s %s: %q, %v; want %q", c.kind, c.fields, missing, err, c.missing)
		}
	}
}

func parse(t *testing.T, kind, fields string) *Object {
	t.Helper()
	apiVersion, name, _ := strings.Cut(kind, " ")
	head := map[string]any{"apiVersion": apiVersion, "kind": name,
		"metadata": map[string]any{"name": "x", "generation": 2}}
	if fields != "" {
		if err := json.Unmarshal([]byte("{"+fields+"}"), &head); err != nil {
			t.Fatal(err)
		}
	}
	text, err := json.Marshal(head)
	if err != nil {
		t.Fatal(err)
	}
	o := &Object{}
	if err := o.UnmarshalJSON(text); err != nil { // as from an API server: integers are int64
		t.Fatal(err)
	}
	return o
}
