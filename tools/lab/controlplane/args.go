package controlplane

import (
	"fmt"
	"strconv"
)

// The programs, as tools/install calls them.
const (
	etcd              = "etcd"
	apiServer         = "kube-apiserver"
	controllerManager = "kube-controller-manager"
	scheduler         = "kube-scheduler"
	kwok              = "kwok"
)

const (
	// serviceCIDR is where services have their addresses, which lead nowhere here.
	serviceCIDR = "172.20.0.0/16"
	// podCIDR is where pods that kwok keeps have their addresses, which lead nowhere either.
	podCIDR = "100.64.0.0/16"
	// issuer of service accounts' tokens.
	issuer = "https://kubernetes.default.svc.cluster.local"
	// nodeGrace is how long a node may be silent, in seconds. It is three times the default: on a busy machine heartbeats
	// are late, which no test is about.
	nodeGrace = "150s"
	// leaseSeconds is four times the interval of kwok's heartbeats.
	leaseSeconds = "40"
)

func at(port int) string { return fmt.Sprintf("http://127.0.0.1:%d", port) }

// etcdArgs let the store keep its data in the page cache: it is not needed after a crash.
func (c *ControlPlane) etcdArgs() []string {
	client, peer := at(c.ports.store), at(c.ports.peer)
	return []string{
		"--name=lab", "--data-dir=" + c.path("etcd"), "--unsafe-no-fsync", "--log-level=warn",
		"--listen-client-urls=" + client, "--advertise-client-urls=" + client,
		"--listen-peer-urls=" + peer, "--initial-advertise-peer-urls=" + peer, "--initial-cluster=lab=" + peer,
	}
}

// apiServerArgs are those of an API server of EKS as far as objects can tell: the default admission plugins, pod
// security among them, RBAC, the aggregation layer, and tokens that a webhook reviews.
func (c *ControlPlane) apiServerArgs() []string {
	args := []string{
		"--etcd-servers=" + at(c.ports.store),
		"--bind-address=127.0.0.1", "--advertise-address=127.0.0.1", "--secure-port=" + strconv.Itoa(c.ports.api),
		"--endpoint-reconciler-type=none", // no endpoint may be a loopback address
		"--service-cluster-ip-range=" + serviceCIDR,
		"--tls-cert-file=" + c.cert(serverKey), "--tls-private-key-file=" + c.key(serverKey),
		"--client-ca-file=" + c.cert(clientAuthority),
		"--authorization-mode=Node,RBAC", "--allow-privileged=true",
		"--service-account-issuer=" + issuer,
		"--service-account-key-file=" + c.cert(tokenKey), "--service-account-signing-key-file=" + c.key(tokenKey),
		"--requestheader-client-ca-file=" + c.cert(proxyAuthority), "--requestheader-allowed-names=" + proxyUser,
		"--requestheader-username-headers=X-Remote-User", "--requestheader-group-headers=X-Remote-Group",
		"--requestheader-extra-headers-prefix=X-Remote-Extra-",
		"--proxy-client-cert-file=" + c.cert(proxyKey), "--proxy-client-key-file=" + c.key(proxyKey),
		"--profiling=false",
	}
	if c.options.Webhook != nil {
		args = append(args, "--authentication-token-webhook-config-file="+c.path(webhookFile),
			"--authentication-token-webhook-version=v1", "--authentication-token-webhook-cache-ttl=10s")
	}
	return args
}

func (c *ControlPlane) controllerManagerArgs() []string {
	return []string{
		"--kubeconfig=" + c.path(kubeconfigOf(controllerManager)), "--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.ports.controllers),
		"--leader-elect=false", "--use-service-account-credentials=true",
		"--service-account-private-key-file=" + c.key(tokenKey), "--root-ca-file=" + c.cert(serverAuthority),
		"--allocate-node-cidrs=false", "--node-monitor-grace-period=" + nodeGrace, "--profiling=false",
	}
}

func (c *ControlPlane) schedulerArgs() []string {
	return []string{
		"--kubeconfig=" + c.path(kubeconfigOf(scheduler)), "--bind-address=127.0.0.1",
		"--secure-port=" + strconv.Itoa(c.ports.scheduler),
		"--leader-elect=false", "--profiling=false",
	}
}

func (c *ControlPlane) kwokArgs() []string {
	return []string{
		"--kubeconfig=" + c.AdminKubeconfig, "--manage-all-nodes=true", "--config=" + c.path(stagesFile),
		"--server-address=127.0.0.1:" + strconv.Itoa(c.ports.kwok), "--cidr=" + podCIDR,
		"--node-lease-duration-seconds=" + leaseSeconds,
	}
}
