package scenarios

import (
	"context"
	"errors"
	"fmt"
	"strings"

	authv1 "k8s.io/api/authentication/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// useKubeconfig uses the kubeconfig that the stack gives to people: it runs `aws eks get-token`.
func (l *Lab) useKubeconfig(ctx context.Context) ([]string, error) {
	config, err := clientcmd.RESTConfigFromKubeConfig([]byte(l.Stack.Outputs.Cluster.Kubeconfig))
	if err != nil {
		return nil, fmt.Errorf("read the stack's kubeconfig: %w", err)
	}
	if config.ExecProvider == nil {
		return nil, errors.New("the stack's kubeconfig runs nothing that gives a token")
	}
	for _, variable := range l.Stack.Daemon.Environment() {
		name, value, _ := strings.Cut(variable, "=")
		config.ExecProvider.Env = append(config.ExecProvider.Env, api.ExecEnvVar{Name: name, Value: value})
	}
	client, err := kubernetes.NewForConfig(config)
	if err != nil {
		return nil, fmt.Errorf("use the stack's kubeconfig: %w", err)
	}
	me, err := client.AuthenticationV1().SelfSubjectReviews().Create(ctx, &authv1.SelfSubjectReview{},
		metav1.CreateOptions{})
	if err != nil {
		return nil, fmt.Errorf("ask the API server who bears a token of aws eks get-token: %w", err)
	}
	pods, err := client.CoreV1().Pods("").List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, fmt.Errorf("list pods with a token of aws eks get-token: %w", err)
	}
	return []string{
		"a token of aws eks get-token is " + me.Status.UserInfo.Username + "'s,",
		fmt.Sprintf("who sees %d pods", len(pods.Items)),
	}, nil
}
