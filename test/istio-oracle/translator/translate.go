package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"
	_ "unsafe" // for the link below

	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pilot/pkg/config/memory"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking"
	"istio.io/istio/pilot/pkg/networking/plugin/authn"
	"istio.io/istio/pilot/pkg/networking/plugin/authz"
	"istio.io/istio/pilot/pkg/serviceregistry/provider"
	"istio.io/istio/pkg/config/host"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/config/mesh/meshwatcher"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/util/protomarshal"
)

// The whole push context needs a running control plane; this is the one part of it with JWT rules, and it is not exported.
//
//go:linkname initAuthenticationPolicies istio.io/istio/pilot/pkg/model.initAuthenticationPolicies
func initAuthenticationPolicies(env *model.Environment) *model.AuthenticationPolicies

// Intervals must not be zero; nothing is fetched, since every case carries its keys.
var jwks = model.NewJwksResolver(time.Hour, time.Hour, time.Hour, time.Hour)

func quiet() {
	for _, scope := range log.Scopes() {
		scope.SetOutputLevel(log.NoneLevel)
	}
}

func translate(c Case, keys string) (Translation, error) {
	config := mesh.DefaultMeshConfig()
	if err := protomarshal.ApplyJSON(string(c.Mesh), config); err != nil {
		return Translation{}, fmt.Errorf("mesh: %w", err)
	}
	t := Translation{ID: c.ID, Validation: []Finding{}, Attached: map[string][]string{}}
	store := memory.MakeSkipValidation(collections.Pilot)
	for _, object := range c.Objects {
		finding, err := add(store, strings.ReplaceAll(string(object), `"@JWKS"`, quote(keys)))
		if err != nil {
			return t, err
		}
		if finding != nil {
			t.Validation = append(t.Validation, *finding)
		}
	}
	env := model.NewEnvironment()
	env.ConfigStore = store
	env.Watcher = meshwatcher.NewTestWatcher(config)
	push := model.NewPushContext()
	push.Mesh = config
	push.JwtKeyResolver = jwks
	push.AuthzPolicies = model.GetAuthorizationPolicies(env)
	push.AuthnPolicies = initAuthenticationPolicies(env)
	addProviderServices(push, config)

	proxy, service := proxyFor(c)
	attached := push.AuthzPolicies.ListAuthorizationPolicies(
		model.PolicyMatcherForProxy(proxy).WithService(service).WithRootNamespace(push.AuthzPolicies.RootNamespace))
	t.Attached["CUSTOM"] = names(attached.Custom)
	t.Attached["DENY"] = names(attached.Deny)
	t.Attached["ALLOW"] = names(attached.Allow)
	t.Attached["AUDIT"] = names(attached.Audit)

	custom := authz.NewBuilderForService(authz.Custom, push, proxy, c.UseFilterState, service)
	local := authz.NewBuilderForService(authz.Local, push, proxy, c.UseFilterState, service)
	class := networking.ListenerClassSidecarInbound
	if proxy.Type == model.Router {
		class = networking.ListenerClassGateway
	}
	// The order of pilot/pkg/networking/core: CUSTOM, JWT, then AUDIT, DENY, ALLOW. There is no JWT filter for TCP.
	var err error
	if t.HTTP, err = printAll(custom.BuildHTTP(class), authn.NewBuilderForService(push, proxy, service).BuildHTTP(class), local.BuildHTTP(class)); err != nil {
		return t, err
	}
	t.TCP, err = printAll(custom.BuildTCP(), local.BuildTCP())
	return t, err
}

// add stores one object without validation, as a cluster whose webhook was passed by has it, and says what the webhook thinks.
func add(store *memory.Store, text string) (*Finding, error) {
	object := crd.IstioKind{}
	if err := json.Unmarshal([]byte(text), &object); err != nil {
		return nil, err
	}
	kind := object.GroupVersionKind()
	schema, known := collections.Pilot.FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&kind))
	if !known {
		return nil, fmt.Errorf("unknown kind %v", kind)
	}
	config, err := crd.ConvertObject(schema, &object, "cluster.local")
	if err != nil {
		return nil, err
	}
	if _, err := store.Create(*config); err != nil {
		return nil, err
	}
	warning, invalid := schema.ValidateConfig(*config)
	if warning == nil && invalid == nil {
		return nil, nil
	}
	finding := &Finding{Name: config.Namespace + "/" + config.Name}
	if invalid != nil {
		finding.Error = invalid.Error()
	}
	if warning != nil {
		for _, line := range strings.Split(warning.Error(), "\n") {
			if line != "" {
				finding.Warnings = append(finding.Warnings, line)
			}
		}
	}
	return finding, nil
}

// addProviderServices makes the services that external authorisers name known, which is all that the builder looks up.
func addProviderServices(push *model.PushContext, config *meshconfig.MeshConfig) {
	for _, p := range config.ExtensionProviders {
		for _, named := range []string{p.GetEnvoyExtAuthzGrpc().GetService(), p.GetEnvoyExtAuthzHttp().GetService()} {
			namespace, name, found := strings.Cut(named, "/")
			if !found {
				namespace, name = "foo", named
			}
			if name == "" {
				continue
			}
			if push.ServiceIndex.HostnameAndNamespace[host.Name(name)] == nil {
				push.ServiceIndex.HostnameAndNamespace[host.Name(name)] = map[string]*model.Service{}
			}
			push.ServiceIndex.HostnameAndNamespace[host.Name(name)][namespace] = &model.Service{Hostname: host.Name(name)}
		}
	}
}

func proxyFor(c Case) (*model.Proxy, *model.Service) {
	proxy := &model.Proxy{
		Type:            model.SidecarProxy,
		ConfigNamespace: c.Workload.Namespace,
		Labels:          c.Workload.Labels,
		Metadata:        &model.NodeMetadata{Namespace: c.Workload.Namespace, Labels: c.Workload.Labels},
	}
	switch c.Workload.Kind {
	case "gateway":
		proxy.Type = model.Router
	case "waypoint":
		proxy.Type = model.Waypoint
	}
	if c.Service == nil {
		return proxy, nil
	}
	return proxy, &model.Service{Attributes: model.ServiceAttributes{
		Name: c.Service.Name, Namespace: c.Service.Namespace, ServiceRegistry: provider.Kubernetes,
	}}
}

func names(policies []model.AuthorizationPolicy) []string {
	out := []string{}
	for _, p := range policies {
		out = append(out, p.Namespace+"/"+p.Name)
	}
	return out
}

func printAll[T proto.Message](lists ...[]T) ([]json.RawMessage, error) {
	out := []json.RawMessage{}
	for _, list := range lists {
		for _, message := range list {
			text, err := protojson.MarshalOptions{UseProtoNames: true}.Marshal(message)
			if err != nil {
				return nil, err
			}
			out = append(out, text)
		}
	}
	return out, nil
}

func quote(text string) string {
	quoted, _ := json.Marshal(text)
	return string(quoted)
}
