package tenancy

import (
	metav1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/meta/v1"
	networkingv1 "github.com/pulumi/pulumi-kubernetes/sdk/v4/go/kubernetes/networking/v1"
	"github.com/pulumi/pulumi/sdk/v3/go/pulumi"

	"dip/components/component"
	"dip/k8s"
)

// identityAgent is where a pod gets its AWS credentials: the EKS Pod Identity agent on its node, port 80. Source: "EKS
// Pod Identity considerations".
const identityAgent = "169.254.170.23/32"

// isolate closes the namespaces: no pod takes connections, and pods reach names, HTTPS (AWS and the API server) and
// their credentials. The instance's metadata answers on port 80 of another address: no pod gets at the node's role.
// KEDA's pods talk to each other, and the API server calls its metrics and its webhook.
func (t *Tenancy) isolate(ctx *pulumi.Context, _ *Args) error {
	for _, namespace := range namespaces {
		ingress := networkingv1.NetworkPolicyIngressRuleArray{}
		egress := networkingv1.NetworkPolicyEgressRuleArray{names(), https(), credentials()}
		if namespace == k8s.Keda {
			ingress = append(ingress,
				networkingv1.NetworkPolicyIngressRuleArgs{From: neighbours()},
				networkingv1.NetworkPolicyIngressRuleArgs{Ports: ports("TCP", 6443, 9443)})
			egress = append(egress, networkingv1.NetworkPolicyEgressRuleArgs{To: neighbours()})
		}
		_, err := component.Child(ctx, t, namespace+"-network", networkingv1.NewNetworkPolicy,
			&networkingv1.NetworkPolicyArgs{
				Metadata: k8s.Meta(app, namespace, "default"),
				Spec: networkingv1.NetworkPolicySpecArgs{
					PodSelector: metav1.LabelSelectorArgs{}, PolicyTypes: pulumi.ToStringArray([]string{"Ingress", "Egress"}),
					Ingress: ingress, Egress: egress,
				},
			}, component.After(t.Ready...))
		if err != nil {
			return err
		}
	}
	return nil
}

func names() networkingv1.NetworkPolicyEgressRuleArgs {
	return networkingv1.NetworkPolicyEgressRuleArgs{
		To: networkingv1.NetworkPolicyPeerArray{networkingv1.NetworkPolicyPeerArgs{
			NamespaceSelector: selecting("kubernetes.io/metadata.name", k8s.KubeSystem),
			PodSelector:       selecting("k8s-app", "kube-dns"),
		}},
		Ports: append(ports("UDP", 53), ports("TCP", 53)...),
	}
}

func https() networkingv1.NetworkPolicyEgressRuleArgs {
	return networkingv1.NetworkPolicyEgressRuleArgs{To: block("0.0.0.0/0"), Ports: ports("TCP", 443)}
}

func credentials() networkingv1.NetworkPolicyEgressRuleArgs {
	return networkingv1.NetworkPolicyEgressRuleArgs{To: block(identityAgent), Ports: ports("TCP", 80)}
}

func neighbours() networkingv1.NetworkPolicyPeerArray {
	return networkingv1.NetworkPolicyPeerArray{
		networkingv1.NetworkPolicyPeerArgs{PodSelector: metav1.LabelSelectorArgs{}},
	}
}

func block(cidr string) networkingv1.NetworkPolicyPeerArray {
	return networkingv1.NetworkPolicyPeerArray{
		networkingv1.NetworkPolicyPeerArgs{IpBlock: networkingv1.IPBlockArgs{Cidr: pulumi.String(cidr)}},
	}
}

func selecting(key, value string) metav1.LabelSelectorArgs {
	return metav1.LabelSelectorArgs{MatchLabels: pulumi.StringMap{key: pulumi.String(value)}}
}

func ports(protocol string, numbers ...int) networkingv1.NetworkPolicyPortArray {
	list := networkingv1.NetworkPolicyPortArray{}
	for _, n := range numbers {
		list = append(list, networkingv1.NetworkPolicyPortArgs{Protocol: pulumi.String(protocol), Port: pulumi.Int(n)})
	}
	return list
}
