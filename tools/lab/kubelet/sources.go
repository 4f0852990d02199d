package kubelet

import (
	"context"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// sources is where a pod's variables and files come from.
type sources struct {
	pod  *corev1.Pod // with its addresses
	node *corev1.Node
	// Objects of the pod's namespace. One that is missing is an error of the API server's kind.
	configMap func(name string) (*corev1.ConfigMap, error)
	secret    func(name string) (*corev1.Secret, error)
	// token returns a token of the pod's service account.
	token func(audience string) (string, error)
}

// tokenSeconds is how long tokens are valid: they are never renewed, and a lab may run for hours.
const tokenSeconds = 24 * 60 * 60

// sources asks the API server.
func (p *pod) sources(ctx context.Context) sources {
	core, namespace := p.kubelet.options.Client.CoreV1(), p.object.Namespace
	return sources{
		pod: p.object, node: p.node,
		configMap: func(name string) (*corev1.ConfigMap, error) {
			return core.ConfigMaps(namespace).Get(ctx, name, metav1.GetOptions{})
		},
		secret: func(name string) (*corev1.Secret, error) {
			return core.Secrets(namespace).Get(ctx, name, metav1.GetOptions{})
		},
		token: func(audience string) (string, error) {
			request := &authenticationv1.TokenRequest{Spec: authenticationv1.TokenRequestSpec{
				ExpirationSeconds: new(int64(tokenSeconds)),
				BoundObjectRef: &authenticationv1.BoundObjectReference{APIVersion: "v1", Kind: "Pod", Name: p.object.Name,
					UID: p.object.UID},
			}}
			if audience != "" {
				request.Spec.Audiences = []string{audience}
			}
			got, err := core.ServiceAccounts(namespace).CreateToken(ctx, p.object.Spec.ServiceAccountName, request,
				metav1.CreateOptions{})
			if err != nil {
				return "", err
			}
			return got.Status.Token, nil
		},
	}
}

// missing reports whether an error means that something optional does not exist.
func missing(err error, optional *bool) bool {
	return apierrors.IsNotFound(err) && optional != nil && *optional
}
