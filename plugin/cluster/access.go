package cluster

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"sync"

	"github.com/spf13/pflag"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// Access reaches a cluster. Nothing is read before it is needed, so a command that needs no
// cluster works without a kubeconfig. The zero value works; AddFlags lets the user choose.
type Access struct {
	// UserAgent names the program to the API server.
	UserAgent string
	// Warnings gets the warnings of the API server; nil drops them.
	Warnings rest.WarningHandlerWithContext

	kubeconfig string
	overrides  clientcmd.ConfigOverrides

	loader func() clientcmd.ClientConfig
	rest   func() (rest.Interface, error)
	once   sync.Once
}

// AddFlags binds the kubeconfig flags of kubectl.
func (a *Access) AddFlags(flags *pflag.FlagSet) {
	flags.StringVar(&a.kubeconfig, "kubeconfig", "", "Path to the kubeconfig file to use.")
	names := clientcmd.RecommendedConfigOverrideFlags("")
	names.ClusterOverrideFlags.APIServer.ShortName = "s"
	names.ContextOverrideFlags.Namespace.Description = "The namespace to work in. Default: that of the context."
	clientcmd.BindOverrideFlags(&a.overrides, flags, names)
	// Every command has these; the help of each shows those that are often used, and the command
	// options shows all.
	flags.VisitAll(func(f *pflag.Flag) { f.Hidden = !slices.Contains(everyday, f.Name) })
}

// everyday are the flags that the help of every command shows.
var everyday = []string{"context", "kubeconfig", "namespace"}

func (a *Access) init() {
	a.once.Do(func() {
		a.loader = sync.OnceValue(func() clientcmd.ClientConfig {
			rules := clientcmd.NewDefaultClientConfigLoadingRules()
			rules.ExplicitPath = a.kubeconfig
			return clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &a.overrides)
		})
		a.rest = sync.OnceValues(func() (rest.Interface, error) {
			config, err := a.RESTConfig()
			if err != nil {
				return nil, err
			}
			// What the dynamic client uses: JSON, and Status objects become errors.
			client, err := newClient(dynamic.ConfigFor(config))
			if err != nil {
				return nil, fmt.Errorf("cannot use the kubeconfig: %w", err)
			}
			return client, nil
		})
	})
}

// Namespace is the one of --namespace, else of the context, else "default".
func (a *Access) Namespace() (string, error) {
	a.init()
	namespace, _, err := a.loader().Namespace()
	if clientcmd.IsEmptyConfig(err) {
		// What needs no cluster works without a kubeconfig; the rest fails when it connects.
		namespace, err = cmp.Or(a.overrides.Context.Namespace, metav1.NamespaceDefault), nil
	}
	if err != nil {
		return "", a.configError(err)
	}
	return namespace, nil
}

// NamespaceGiven is true when the user chose the namespace on the command line.
func (a *Access) NamespaceGiven() bool { return a.overrides.Context.Namespace != "" }

// Context is the name of the kubeconfig context in use; empty when there is none.
func (a *Access) Context() string {
	a.init()
	if a.overrides.CurrentContext != "" {
		return a.overrides.CurrentContext
	}
	raw, err := a.loader().RawConfig()
	if err != nil {
		return ""
	}
	return raw.CurrentContext
}

// RESTConfig is the configuration of the clients. Client-side rate limits are off: a command makes
// a handful of requests, and the API server has its own priority and fairness.
func (a *Access) RESTConfig() (*rest.Config, error) {
	a.init()
	config, err := a.loader().ClientConfig()
	if err != nil {
		return nil, a.configError(err)
	}
	config = rest.CopyConfig(config)
	config.QPS = -1
	config.UserAgent = a.UserAgent
	config.WarningHandlerWithContext = a.Warnings
	if a.Warnings == nil {
		config.WarningHandler = rest.NoWarnings{}
	}
	return config, nil
}

// Dynamic is the client for everything.
func (a *Access) Dynamic() (dynamic.Interface, error) {
	client, err := a.REST()
	if err != nil {
		return nil, err
	}
	return dynamic.New(client), nil
}

// REST is what [Access.Dynamic] is built on, for requests that it cannot make: answers as they come,
// and proxied requests. It shares the connections, and is made once.
func (a *Access) REST() (rest.Interface, error) {
	a.init()
	return a.rest()
}

// newClient makes a client that follows no redirects. The API server's proxy hands on where a Service
// sends its clients, and the credentials would go along: client-go adds them to every request.
func newClient(config *rest.Config) (rest.Interface, error) {
	shared, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	own := *shared // it may be the one that all share
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return rest.UnversionedRESTClientForConfigAndClient(config, &own)
}

// Server is the address of the API server, for messages; empty when it is not known.
func (a *Access) Server() string {
	a.init()
	config, err := a.loader().ClientConfig()
	if err != nil {
		return ""
	}
	return config.Host
}
