//go:build linux

package script

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/rogpeppe/go-internal/testscript"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/tools/clientcmd"
	clientcmdapi "k8s.io/client-go/tools/clientcmd/api"
)

// kubeconfig writes a kubeconfig whose context is called test. A user other than the administrator
// is impersonated: names, rights and admission are then those of that user.
func (r *run) kubeconfig(file, user, namespace string) (string, error) {
	config := clientcmdapi.NewConfig()
	config.Clusters["test"] = &clientcmdapi.Cluster{Server: r.cluster.RESTConfig.Host, CertificateAuthorityData: r.cluster.RESTConfig.CAData}
	config.AuthInfos["test"] = &clientcmdapi.AuthInfo{Token: r.cluster.RESTConfig.BearerToken, Impersonate: user}
	config.Contexts["test"] = &clientcmdapi.Context{Cluster: "test", AuthInfo: "test", Namespace: namespace}
	config.CurrentContext = "test"
	path := filepath.Join(r.work, file+".kubeconfig")
	if err := clientcmd.WriteToFile(*config, path); err != nil {
		return "", fmt.Errorf("write the kubeconfig %s: %w", path, err)
	}
	return path, nil
}

// cmdUser makes a user with roles.
func cmdUser(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: user NAME [ROLE…]")
	}
	r, name := of(ts), args[0]
	_, err := r.kubeconfig(name, name, r.namespace)
	ts.Check(err)
	for i, role := range args[1:] {
		// Bindings to the cluster carry the namespace in their names, and end with the script.
		bound := fmt.Sprintf("%s-%s-%d", r.namespace, name, i)
		subjects := []rbacv1.Subject{{Kind: rbacv1.UserKind, APIGroup: rbacv1.GroupName, Name: name}}
		rbac := r.cluster.Client().RbacV1()
		if whole, everywhere := strings.CutPrefix(role, "cluster:"); everywhere {
			_, err = rbac.ClusterRoleBindings().Create(r.ctx, &rbacv1.ClusterRoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: bound}, Subjects: subjects, RoleRef: refTo(whole),
			}, metav1.CreateOptions{})
			r.cleanup(func() { _ = rbac.ClusterRoleBindings().Delete(r.ctx, bound, metav1.DeleteOptions{}) })
		} else {
			_, err = rbac.RoleBindings(r.namespace).Create(r.ctx, &rbacv1.RoleBinding{
				ObjectMeta: metav1.ObjectMeta{Name: bound}, Subjects: subjects, RoleRef: refTo(role),
			}, metav1.CreateOptions{})
		}
		ts.Check(err)
	}
}

func refTo(role string) rbacv1.RoleRef {
	return rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: role}
}
