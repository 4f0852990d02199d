package controlplane

import (
	"fmt"

	"k8s.io/client-go/tools/clientcmd"
	"k8s.io/client-go/tools/clientcmd/api"
)

// entry is the name of the one cluster, user and context of a kubeconfig.
const entry = "lab"

// writeKubeconfig writes a kubeconfig for a client that has a certificate. authority, cert and key are PEM.
func writeKubeconfig(path, endpoint string, authority []byte, client pair) error {
	config := api.NewConfig()
	config.Clusters[entry] = &api.Cluster{Server: endpoint, CertificateAuthorityData: authority}
	config.AuthInfos[entry] = &api.AuthInfo{ClientCertificateData: client.cert, ClientKeyData: client.key}
	config.Contexts[entry] = &api.Context{Cluster: entry, AuthInfo: entry}
	config.CurrentContext = entry
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write the kubeconfig %s: %w", path, err)
	}
	return nil
}
