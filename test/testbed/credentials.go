//go:build linux

package testbed

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"time"

	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// credentials are the keys and tokens of one cluster, as files. Every cluster
// gets new ones: making them takes milliseconds, and nothing secret is kept.
type credentials struct {
	dir string

	caCert     []byte // PEM
	adminToken string
	proxyToken string // Traefik and Prometheus
	kcmToken   string
}

func (c *credentials) file(name string) string { return filepath.Join(c.dir, name) }

const (
	fileCA         = "ca.crt"
	fileServerCert = "apiserver.crt"
	fileServerKey  = "apiserver.key"
	fileSAKey      = "service-account.key"
	fileSAPub      = "service-account.pub"
	fileTokens     = "tokens.csv"
	fileProxyToken = "proxy.token"
	fileKCMConfig  = "kube-controller-manager.kubeconfig"
)

// newCredentials writes a CA, the API server's certificate, the key that signs
// service account tokens, and the static tokens to dir.
func newCredentials(dir string) (*credentials, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c := &credentials{dir: dir, adminToken: randomToken(), proxyToken: randomToken(), kcmToken: randomToken()}

	caKey, err := newKey()
	if err != nil {
		return nil, err
	}
	ca := certificate("testbed-ca", 1)
	ca.IsCA, ca.BasicConstraintsValid = true, true
	ca.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageDigitalSignature
	caDER, err := x509.CreateCertificate(rand.Reader, ca, ca, caKey.Public(), caKey)
	if err != nil {
		return nil, fmt.Errorf("make the CA of the test cluster: %w", err)
	}
	c.caCert = pemBlock("CERTIFICATE", caDER)

	serverKey, err := newKey()
	if err != nil {
		return nil, err
	}
	server := certificate("kube-apiserver", 2)
	server.KeyUsage = x509.KeyUsageDigitalSignature
	server.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
	server.DNSNames = []string{"localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "kubernetes.default.svc.cluster.local"}
	server.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1), apiServerAddr.AsSlice(), net.IPv4(10, 96, 0, 1)}
	serverDER, err := x509.CreateCertificate(rand.Reader, server, ca, serverKey.Public(), caKey)
	if err != nil {
		return nil, fmt.Errorf("make the certificate of the API server: %w", err)
	}

	saKey, err := newKey()
	if err != nil {
		return nil, err
	}
	saPub, err := x509.MarshalPKIXPublicKey(saKey.Public())
	if err != nil {
		return nil, err
	}
	tokens := fmt.Sprintf("%s,testbed-admin,testbed-admin,system:masters\n%s,testbed-proxy,testbed-proxy,system:masters\n%s,system:kube-controller-manager,kcm\n",
		c.adminToken, c.proxyToken, c.kcmToken)

	files := map[string][]byte{
		fileCA:         c.caCert,
		fileServerCert: pemBlock("CERTIFICATE", serverDER),
		fileServerKey:  pemKey(serverKey),
		fileSAKey:      pemKey(saKey),
		fileSAPub:      pemBlock("PUBLIC KEY", saPub),
		fileTokens:     []byte(tokens),
		fileProxyToken: []byte(c.proxyToken),
	}
	for name, content := range files {
		if err := os.WriteFile(c.file(name), content, 0o600); err != nil {
			return nil, err
		}
	}
	return c, c.writeKubeconfig(c.file(fileKCMConfig), apiServerURL, c.kcmToken)
}

// writeKubeconfig writes a kubeconfig with one context, named testbed.
func (c *credentials) writeKubeconfig(path, server, token string) error {
	config := clientcmdapi.NewConfig()
	config.Clusters["testbed"] = &clientcmdapi.Cluster{Server: server, CertificateAuthorityData: c.caCert}
	config.AuthInfos["testbed"] = &clientcmdapi.AuthInfo{Token: token}
	config.Contexts["testbed"] = &clientcmdapi.Context{Cluster: "testbed", AuthInfo: "testbed", Namespace: "default"}
	config.CurrentContext = "testbed"
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return fmt.Errorf("write the kubeconfig %s: %w", path, err)
	}
	return nil
}

func certificate(commonName string, serial int64) *x509.Certificate {
	return &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		Subject:      pkix.Name{CommonName: commonName},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(7 * 24 * time.Hour),
	}
}

func newKey() (*ecdsa.PrivateKey, error) {
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

func pemKey(key crypto.Signer) []byte {
	der, err := x509.MarshalECPrivateKey(key.(*ecdsa.PrivateKey))
	if err != nil {
		panic(err) // only for curves that newKey does not use
	}
	return pemBlock("EC PRIVATE KEY", der)
}

func pemBlock(kind string, der []byte) []byte {
	var b bytes.Buffer
	pem.Encode(&b, &pem.Block{Type: kind, Bytes: der})
	return b.Bytes()
}

func randomToken() string {
	b := make([]byte, 16)
	rand.Read(b)
	return hex.EncodeToString(b)
}
