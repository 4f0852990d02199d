package scenarios

import (
	"context"
	"fmt"
	"net/url"
	"sync"
	"time"

	"dip/local/emulator"
	"dip/tools/lab/awsapi"
)

// podKeys stands in for EKS Pod Identity: a pod gets a key of the role that its service account is associated with.
type podKeys struct {
	aws     awsapi.Client
	cluster func(context.Context) (string, error) // its name

	mu     sync.Mutex
	byRole map[string]emulator.Key
}

// keyLimit bounds the calls that a key takes.
const keyLimit = time.Minute

// of is the key of a service account's pods. Those of an account without an association have none: on their nodes no
// pod gets at the node's role.
func (k *podKeys) of(namespace, account string) (emulator.Key, error) {
	ctx, cancel := context.WithTimeout(context.Background(), keyLimit)
	defer cancel()
	role, err := k.role(ctx, namespace, account)
	if err != nil || role == "" {
		return emulator.Key{}, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if key, ok := k.byRole[role]; ok {
		return key, nil
	}
	key, err := emulator.AssumeRole(ctx, k.aws.Endpoint, k.aws.Key, role, account)
	if err == nil {
		k.byRole[role] = key
	}
	return key, err
}

// role is the ARN of an account's role; empty: it has none.
func (k *podKeys) role(ctx context.Context, namespace, account string) (string, error) {
	name, err := k.cluster(ctx)
	if err != nil {
		return "", err
	}
	base := "/clusters/" + url.PathEscape(name) + "/pod-identity-associations"
	var list struct {
		Associations []struct {
			ID string `json:"associationId"`
		} `json:"associations"`
	}
	query := url.Values{"namespace": {namespace}, "serviceAccount": {account}}
	if err := k.aws.Get(ctx, "eks", base+"?"+query.Encode(), &list); err != nil || len(list.Associations) == 0 {
		return "", err
	}
	var one struct {
		Association struct {
			Role string `json:"roleArn"`
		} `json:"association"`
	}
	err = k.aws.Get(ctx, "eks", base+"/"+url.PathEscape(list.Associations[0].ID), &one)
	if err == nil && one.Association.Role == "" {
		err = fmt.Errorf("the association of %s/%s has no role", namespace, account)
	}
	return one.Association.Role, err
}
