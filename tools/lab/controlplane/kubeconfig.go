package controlplane

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"

	"dip/tools/lab/pki"
)

// entry is the name of the one cluster, user and context of a kubeconfig.
const entry = "lab"

// writeKubeconfig writes a kubeconfig for a client with a certificate; without one, for an anonymous client. authority
// is PEM.
func writeKubeconfig(path, endpoint string, authority []byte, client pki.Pair) error {
	config := api.NewConfig()
	config.Clusters[entry] = &api.Cluster{Server: endpoint, CertificateAuthorityData: authority}
	config.AuthInfos[entry] = &api.AuthInfo{ClientCertificateData: client.Cert, ClientKeyData: client.Key}
	config.Contexts[entry] = &api.Context{Cluster: entry, AuthInfo: entry}
	config.CurrentContext = entry
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write the kubeconfig %s: %w", path, err)
	}
	return nil
}
