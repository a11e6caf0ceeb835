package deploy_test

import (
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	autoscalingv2 "k8s.io/api/autoscaling/v2"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	k8slabels "k8s.io/apimachinery/pkg/labels"
	"sigs.k8s.io/kustomize/api/krusty"
	"sigs.k8s.io/kustomize/kyaml/filesys"
	"sigs.k8s.io/yaml"
)

// cluster is what kubectl apply -k would bring into one.
type cluster struct {
	deployments map[string]*appsv1.Deployment
	sets        map[string]*appsv1.StatefulSet
	services    map[string]*corev1.Service
	configs     map[string]*corev1.ConfigMap
	secrets     map[string]*corev1.Secret
	budgets     map[string]*policyv1.PodDisruptionBudget
	scalers     map[string]*autoscalingv2.HorizontalPodAutoscaler
	policies    map[string]*networkingv1.NetworkPolicy
	commands    map[string]*batchv1.CronJob
	bindings    map[string]*rbacv1.RoleBinding
}

// decode reads a resource of a kind that is known, and no field that is not.
func decode[T any](t *testing.T, into map[string]*T, name string, text []byte) {
	t.Helper()
	object := new(T)
	if err := yaml.UnmarshalStrict(text, object); err != nil {
		t.Errorf("%s: %v\n%s", name, err, text)
	}
	into[name] = object
}

// example builds deploy/kubernetes/example with secrets of its own.
func example(t *testing.T) *cluster {
	t.Helper()
	root := t.TempDir()
	for _, folder := range []string{"nginx", "kubernetes"} {
		if err := os.CopyFS(filepath.Join(root, folder), os.DirFS(filepath.Join(repository, "deploy", folder))); err != nil {
			t.Fatal(err)
		}
	}
	for _, name := range []string{"mysql/password", "redis/password", "objects/s3", "rtc/secret", "tls/tls.crt", "tls/tls.key"} {
		file := filepath.Join(root, "kubernetes", "example", "secrets", name)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, []byte("a secret"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	built, err := krusty.MakeKustomizer(krusty.MakeDefaultOptions()).Run(filesys.MakeFsOnDisk(), filepath.Join(root, "kubernetes", "example"))
	if err != nil {
		t.Fatal(err)
	}
	c := &cluster{
		make(map[string]*appsv1.Deployment), make(map[string]*appsv1.StatefulSet), make(map[string]*corev1.Service),
		make(map[string]*corev1.ConfigMap), make(map[string]*corev1.Secret), make(map[string]*policyv1.PodDisruptionBudget),
		make(map[string]*autoscalingv2.HorizontalPodAutoscaler), make(map[string]*networkingv1.NetworkPolicy),
		make(map[string]*batchv1.CronJob), make(map[string]*rbacv1.RoleBinding),
	}
	for _, resource := range built.Resources() {
		text, err := resource.AsYAML()
		if err != nil {
			t.Fatal(err)
		}
		name := resource.GetName()
		if resource.GetNamespace() != "parley" && resource.GetKind() != "Namespace" {
			t.Errorf("%s is in the namespace %q", name, resource.GetNamespace())
		}
		switch resource.GetKind() + "." + resource.GetApiVersion() {
		case "Deployment.apps/v1":
			decode(t, c.deployments, name, text)
		case "StatefulSet.apps/v1":
			decode(t, c.sets, name, text)
		case "Service.v1":
			decode(t, c.services, name, text)
		case "ConfigMap.v1":
			decode(t, c.configs, name, text)
		case "Secret.v1":
			decode(t, c.secrets, name, text)
		case "PodDisruptionBudget.policy/v1":
			decode(t, c.budgets, name, text)
		case "HorizontalPodAutoscaler.autoscaling/v2":
			decode(t, c.scalers, name, text)
		case "NetworkPolicy.networking.k8s.io/v1":
			decode(t, c.policies, name, text)
		case "CronJob.batch/v1":
			decode(t, c.commands, name, text)
		case "RoleBinding.rbac.authorization.k8s.io/v1":
			decode(t, c.bindings, name, text)
		case "Role.rbac.authorization.k8s.io/v1":
			decode(t, make(map[string]*rbacv1.Role), name, text)
		case "Namespace.v1":
			decode(t, make(map[string]*corev1.Namespace), name, text)
		default:
			t.Errorf("the test does not know the kind %s of %s", resource.GetKind(), name)
		}
	}
	return c
}

// pods returns all templates of pods by the name of what makes them.
func (c *cluster) pods() map[string]corev1.PodTemplateSpec {
	pods := make(map[string]corev1.PodTemplateSpec)
	for name, d := range c.deployments {
		pods[name] = d.Spec.Template
	}
	for name, s := range c.sets {
		pods[name] = s.Spec.Template
	}
	for name, j := range c.commands {
		pods[name] = j.Spec.JobTemplate.Spec.Template
	}
	return pods
}

// selected returns the names of the pods that a selector means.
func (c *cluster) selected(t *testing.T, selector *metav1.LabelSelector) []string {
	t.Helper()
	s, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for name, pod := range c.pods() {
		if s.Matches(k8slabels.Set(pod.Labels)) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

func TestEveryTargetIsADeploymentThatScalesAndUpgradesWithoutAGap(t *testing.T) {
	t.Parallel()
	c := example(t)
	for _, name := range append([]string{"nginx"}, targets...) {
		d, ok := c.deployments[name]
		if !ok {
			t.Errorf("there is no deployment %s", name)
			continue
		}
		if d.Spec.Replicas != nil {
			t.Errorf("%s sets a number of pods, which is its autoscaler's", name)
		}
		update := d.Spec.Strategy.RollingUpdate
		if update == nil || update.MaxUnavailable.IntValue() != 0 || update.MaxSurge.IntValue() != 1 {
			t.Errorf("%s is not upgraded one by one", name)
		}
		for what, selector := range map[string]*metav1.LabelSelector{"deployment": d.Spec.Selector, "budget": budget(c, name)} {
			if got := c.selected(t, selector); !slices.Equal(got, []string{name}) {
				t.Errorf("the %s of %s means the pods %v", what, name, got)
			}
		}
		if s := c.scalers[name]; s == nil || s.Spec.ScaleTargetRef.Kind != "Deployment" || s.Spec.ScaleTargetRef.Name != name ||
			s.Spec.MinReplicas == nil || *s.Spec.MinReplicas < 2 || s.Spec.MaxReplicas <= *s.Spec.MinReplicas {
			t.Errorf("%s does not scale", name)
		}
		if len(d.Spec.Template.Spec.TopologySpreadConstraints) == 0 {
			t.Errorf("the pods of %s may be all on one machine", name)
		}
	}
}

// budget returns whom the disruption budget of that name protects.
func budget(c *cluster, name string) *metav1.LabelSelector {
	if b := c.budgets[name]; b != nil && b.Spec.MaxUnavailable != nil && b.Spec.MaxUnavailable.IntValue() == 1 {
		return b.Spec.Selector
	}
	return nil
}

func TestEveryPodHasNoMoreRightsThanItNeeds(t *testing.T) {
	t.Parallel()
	c := example(t)
	for name, pod := range c.pods() {
		s := pod.Spec.SecurityContext
		if s == nil || s.RunAsNonRoot == nil || !*s.RunAsNonRoot || s.SeccompProfile == nil || s.SeccompProfile.Type != corev1.SeccompProfileTypeRuntimeDefault {
			t.Errorf("%s may be root or make any system call", name)
		}
		if token := pod.Spec.AutomountServiceAccountToken; token == nil || *token {
			t.Errorf("%s has a token of the cluster", name)
		}
		for _, container := range pod.Spec.Containers {
			s := container.SecurityContext
			if s == nil || s.ReadOnlyRootFilesystem == nil || !*s.ReadOnlyRootFilesystem || s.AllowPrivilegeEscalation == nil || *s.AllowPrivilegeEscalation ||
				s.Capabilities == nil || !slices.Equal(s.Capabilities.Drop, []corev1.Capability{"ALL"}) || len(s.Capabilities.Add) > 0 {
				t.Errorf("%s may do more than it needs", name)
			}
			if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
				t.Errorf("%s does not say what it takes", name)
			}
			if !pinned.MatchString(container.Image) {
				t.Errorf("%s runs the image %s, which is not pinned", name, container.Image)
			}
			for what, probe := range map[string]*corev1.Probe{"startup": container.StartupProbe, "liveness": container.LivenessProbe, "readiness": container.ReadinessProbe} {
				if probe == nil && c.commands[name] == nil {
					t.Errorf("%s has no %s probe", name, what)
				}
			}
		}
	}
}

func TestParleyIsProbedAtItsOperationsPortAndStopsInTime(t *testing.T) {
	t.Parallel()
	c := example(t)
	var file struct {
		Stop struct{ Delay, Grace string }
	}
	if err := yaml.Unmarshal(read(t, "deploy", "kubernetes", "base", "parley.yaml"), &file); err != nil {
		t.Fatal(err)
	}
	for _, name := range targets {
		pod := c.deployments[name].Spec.Template.Spec
		container := pod.Containers[0]
		for path, probe := range map[string]*corev1.Probe{"/healthz": container.LivenessProbe, "/readyz": container.ReadinessProbe} {
			if probe.HTTPGet == nil || probe.HTTPGet.Path != path || port(container, probe.HTTPGet.Port.String()) != 6060 {
				t.Errorf("%s is probed by %v, want %s at port 6060", name, probe.ProbeHandler, path)
			}
		}
		env := c.environment(t, name)
		if env["PARLEY_OPS_LISTEN"] != "0.0.0.0:6060" {
			t.Errorf("%s has its operations port at %s", name, env["PARLEY_OPS_LISTEN"])
		}
		var stops time.Duration
		for key, value := range map[string]string{"PARLEY_STOP_DELAY": file.Stop.Delay, "PARLEY_STOP_GRACE": file.Stop.Grace} {
			if other, ok := env[key]; ok {
				value = other
			}
			d, err := time.ParseDuration(value)
			if err != nil {
				t.Errorf("%s has %s=%s", name, key, value)
			}
			stops += d
		}
		if given := time.Duration(*pod.TerminationGracePeriodSeconds) * time.Second; given < stops+time.Second {
			t.Errorf("%s may take %s to stop and is killed after %s", name, stops, given)
		}
	}
}

// Rates count by address only where gateways know the addresses of clients, and only an
// installation knows where its nginx is.
func TestOnlyAnInstallationSaysWhomGatewaysBelieve(t *testing.T) {
	t.Parallel()
	base := string(read(t, "deploy", "kubernetes", "base", "kustomization.yaml"))
	file := string(read(t, "deploy", "kubernetes", "base", "parley.yaml"))
	for key, name := range map[string]string{"PARLEY_PROXIES": "Proxies:", "PARLEY_LIMIT_ADDRESSRATE": "AddressRate:"} {
		if strings.Contains(base, key) || strings.Contains(file, name) {
			t.Errorf("%s has a default, which is wrong for somebody", key)
		}
		for _, gateway := range []string{"app", "connect", "group", "oss"} {
			if example(t).environment(t, gateway)[key] == "" {
				t.Errorf("%s is not told %s", gateway, key)
			}
		}
	}
}

// Go must collect garbage before the kernel ends the process, which counts more than Go does.
func TestGoLeavesRoomBelowTheLimitOfMemory(t *testing.T) {
	t.Parallel()
	c := example(t)
	for _, name := range targets {
		limit := float64(c.deployments[name].Spec.Template.Spec.Containers[0].Resources.Limits.Memory().Value())
		text := c.environment(t, name)["GOMEMLIMIT"]
		given, err := strconv.Atoi(strings.TrimSuffix(text, "MiB"))
		if share := float64(given<<20) / limit; err != nil || share < 0.8 || share > 0.9 {
			t.Errorf("%s tells Go to use %q, %.0f %% of its limit", name, text, 100*share)
		}
	}
}

// port returns the number of a port with a name; 0 where there is none.
func port(container corev1.Container, name string) int32 {
	for _, p := range container.Ports {
		if p.Name == name {
			return p.ContainerPort
		}
	}
	return 0
}

// environment returns what a container of Parley finds.
func (c *cluster) environment(t *testing.T, pod string) map[string]string {
	t.Helper()
	container := c.pods()[pod].Spec.Containers[0]
	env := make(map[string]string)
	for _, from := range container.EnvFrom {
		config, ok := c.configs[from.ConfigMapRef.Name]
		if !ok {
			t.Errorf("%s takes its environment from %s, which is not there", pod, from.ConfigMapRef.Name)
			continue
		}
		for name, value := range config.Data {
			env[name] = value
		}
	}
	for _, variable := range container.Env {
		if variable.ValueFrom == nil {
			env[variable.Name] = variable.Value
		}
	}
	return env
}

func TestServicesAndPoliciesMeanPodsAndPortsThatAreThere(t *testing.T) {
	t.Parallel()
	c := example(t)
	for name, s := range c.services {
		meant := c.selected(t, &metav1.LabelSelector{MatchLabels: s.Spec.Selector})
		if len(meant) != 1 {
			t.Errorf("the service %s means the pods %v", name, meant)
			continue
		}
		for _, p := range s.Spec.Ports {
			if port(c.pods()[meant[0]].Spec.Containers[0], p.TargetPort.String()) == 0 {
				t.Errorf("the service %s goes to the port %s, which %s does not have", name, p.TargetPort.String(), meant[0])
			}
		}
	}
	// open has who may be called at which port, by whom.
	open := make(map[string][]string)
	for name, p := range c.policies {
		for _, pod := range c.selected(t, &p.Spec.PodSelector) {
			for _, rule := range p.Spec.Ingress {
				callers := []string{"anybody"}
				for i, from := range rule.From {
					if i == 0 {
						callers = nil
					}
					if from.NamespaceSelector != nil {
						callers = append(callers, "monitoring")
					} else {
						callers = append(callers, c.selected(t, from.PodSelector)...)
					}
				}
				if len(rule.Ports) == 0 {
					t.Errorf("the policy %s opens all ports of %s", name, pod)
				}
				for _, p := range rule.Ports {
					open[fmt.Sprint(pod, ":", p.Port)] = append(open[fmt.Sprint(pod, ":", p.Port)], callers...)
				}
			}
		}
	}
	closed := make(map[string]bool)
	for name, p := range c.policies {
		if slices.Contains(p.Spec.PolicyTypes, networkingv1.PolicyTypeIngress) {
			for _, pod := range c.selected(t, &p.Spec.PodSelector) {
				closed[pod] = true
			}
		}
		if selector, err := metav1.LabelSelectorAsSelector(&p.Spec.PodSelector); err != nil || selector.Matches(k8slabels.Set{"app.kubernetes.io/name": "mysql"}) {
			t.Errorf("the policy %s cuts off a database in the namespace, %v", name, err)
		}
	}
	for pod := range c.pods() {
		if !closed[pod] {
			t.Errorf("what no policy names is open at %s", pod)
		}
	}
	if p := c.policies["nobody"]; p == nil || len(p.Spec.Ingress) != 0 || len(c.selected(t, &p.Spec.PodSelector)) != len(targets)+2 {
		t.Error("not all of ours is closed without a policy that opens it")
	}
	for at, callers := range open {
		if slices.Contains(callers, "anybody") && !strings.HasPrefix(at, "nginx:") {
			t.Errorf("anybody may call %s", at)
		}
	}
	for at, caller := range map[string]string{
		"nginx:8443": "anybody", "app:8888": "nginx", "connect:3102": "nginx", "group:8889": "nginx", "oss:8890": "nginx",
		"record-rpc:9001": "connect", "group-rpc:9002": "call-rpc", "call-rpc:9003": "app", "oss-rpc:9004": "oss",
		"app:6060": "monitoring", "etcd:2379": "record-rpc", "etcd:2380": "etcd", "etcd:2381": "monitoring",
	} {
		if !slices.Contains(open[at], caller) {
			t.Errorf("%s may not call %s, only %v may", caller, at, open[at])
		}
	}
}

func TestWhatPodsMountIsThere(t *testing.T) {
	t.Parallel()
	c := example(t)
	keys := func(kind, name string) []string {
		var keys []string
		if config := c.configs[name]; kind == "config" && config != nil {
			for key := range config.Data {
				keys = append(keys, key)
			}
		}
		if secret := c.secrets[name]; kind == "secret" && secret != nil {
			for key := range secret.Data {
				keys = append(keys, key)
			}
		}
		if keys == nil {
			t.Errorf("there is no %s %s", kind, name)
		}
		return keys
	}
	for name, pod := range c.pods() {
		volumes := make(map[string]bool)
		for _, v := range pod.Spec.Volumes {
			volumes[v.Name] = true
			switch {
			case v.ConfigMap != nil:
				keys("config", v.ConfigMap.Name)
			case v.Secret != nil:
				keys("secret", v.Secret.SecretName)
			case v.Projected != nil:
				for _, source := range v.Projected.Sources {
					kind, of, items := "secret", "", []corev1.KeyToPath(nil)
					if source.ConfigMap != nil {
						kind, of, items = "config", source.ConfigMap.Name, source.ConfigMap.Items
					} else {
						of, items = source.Secret.Name, source.Secret.Items
					}
					for _, item := range items {
						if !slices.Contains(keys(kind, of), item.Key) {
							t.Errorf("%s mounts %s of %s, which it does not have", name, item.Key, of)
						}
					}
				}
			}
		}
		if set := c.sets[name]; set != nil {
			for _, claim := range set.Spec.VolumeClaimTemplates {
				volumes[claim.Name] = true
			}
		}
		for _, mount := range pod.Spec.Containers[0].VolumeMounts {
			if !volumes[mount.Name] {
				t.Errorf("%s mounts %s, which is no volume of it", name, mount.Name)
			}
		}
	}
}

// What is done by hand is done to the same database as what runs.
func TestACommandFindsWhatTheRecordServiceFindsAndNeverRunsByItself(t *testing.T) {
	t.Parallel()
	c := example(t)
	job := c.commands["command"]
	if job == nil || job.Spec.Suspend == nil || !*job.Spec.Suspend {
		t.Fatal("there is no command that waits to be asked for")
	}
	want := c.environment(t, "record-rpc")
	delete(want, "PARLEY_OPS_LISTEN")
	delete(want, "GOMEMLIMIT")
	if got := c.environment(t, "command"); !maps.Equal(got, want) {
		t.Errorf("a command finds the environment %v, want %v", got, want)
	}
	pod, service := c.pods()["command"].Spec, c.pods()["record-rpc"].Spec
	byName := func(a, b corev1.Volume) int { return strings.Compare(a.Name, b.Name) }
	byPath := func(a, b corev1.VolumeMount) int { return strings.Compare(a.MountPath, b.MountPath) }
	for _, p := range []corev1.PodSpec{pod, service} {
		slices.SortFunc(p.Volumes, byName)
		slices.SortFunc(p.Containers[0].VolumeMounts, byPath)
	}
	if !reflect.DeepEqual(pod.Volumes, service.Volumes) || !reflect.DeepEqual(pod.Containers[0].VolumeMounts, service.Containers[0].VolumeMounts) {
		t.Errorf("a command mounts %v, want %v", pod.Volumes, service.Volumes)
	}
	if pod.Containers[0].Image != service.Containers[0].Image {
		t.Errorf("a command runs %s, want %s", pod.Containers[0].Image, service.Containers[0].Image)
	}
}

// A socket takes two connections of nginx, and a local port towards the gateways.
func TestNginxHoldsAsManySocketsAsItHasPorts(t *testing.T) {
	t.Parallel()
	number := func(directive string) int {
		found := regexp.MustCompile(`(?m)^ *` + directive + ` (\d+);`).FindSubmatch(read(t, "deploy", "nginx", "nginx.conf"))
		if found == nil {
			t.Fatalf("nginx.conf has no number for %s", directive)
		}
		n, err := strconv.Atoi(string(found[1]))
		if err != nil {
			t.Fatal(err)
		}
		return n
	}
	var from, to int
	for _, s := range example(t).pods()["nginx"].Spec.SecurityContext.Sysctls {
		if s.Name != "net.ipv4.ip_local_port_range" {
			t.Errorf("nginx sets %s, which the strictest profile may not allow", s.Name)
		} else if _, err := fmt.Sscan(s.Value, &from, &to); err != nil {
			t.Errorf("the local ports of nginx are %q: %v", s.Value, err)
		}
	}
	if sockets, ports := number("worker_processes")*number("worker_connections")/2, to-from+1; sockets < ports || ports < 60000 {
		t.Errorf("nginx has connections for %d sockets and %d local ports", sockets, ports)
	}
	if files := number("worker_rlimit_nofile"); files <= number("worker_connections") {
		t.Errorf("a worker of nginx may open %d files only", files)
	}
}

// An installation is told what its database has to take.
func TestTheExampleSaysHowManyConnectionsTheDatabaseNeeds(t *testing.T) {
	t.Parallel()
	c := example(t)
	var least, most int
	for _, target := range targets {
		if c.environment(t, target)["PARLEY_DATABASE_PASSWORDFILE"] != "" {
			least += int(*c.scalers[target].Spec.MinReplicas)
			most += int(c.scalers[target].Spec.MaxReplicas) + c.deployments[target].Spec.Strategy.RollingUpdate.MaxSurge.IntValue()
		}
	}
	text := string(read(t, "deploy", "kubernetes", "example", "kustomization.yaml"))
	for _, n := range []int{least, most} {
		if said := fmt.Sprintf("above %d ", databaseConns(t, n)); !strings.Contains(text, said) {
			t.Errorf("the example does not say %q", said)
		}
	}
}

// Each pod checks the configuration as it finds it.
func TestEveryPodAcceptsItsConfiguration(t *testing.T) {
	t.Parallel()
	program, c := binary(t), example(t)
	for _, name := range append([]string{"command"}, targets...) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			pod, folder := c.pods()[name].Spec, t.TempDir()
			container := pod.Containers[0]
			want := []string{"-target", name, "-config", "/etc/parley/parley.yaml"}
			if c.commands[name] != nil {
				want = []string{"migrate", "status", "-config", "/etc/parley/parley.yaml"}
			}
			if !slices.Equal(container.Args, want) {
				t.Errorf("%s runs %q, want %q", name, container.Args, want)
			}
			for _, mount := range container.VolumeMounts {
				at := slices.IndexFunc(pod.Volumes, func(v corev1.Volume) bool { return v.Name == mount.Name })
				files := make(map[string]string)
				if v := pod.Volumes[at]; v.ConfigMap != nil {
					files = c.configs[v.ConfigMap.Name].Data
				} else if v.Secret != nil {
					for key := range c.secrets[v.Secret.SecretName].Data {
						files[key] = "a secret"
					}
				}
				for key, text := range files {
					file := filepath.Join(folder, mount.MountPath, key)
					if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
						t.Fatal(err)
					}
					if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			check := exec.CommandContext(t.Context(), program, "config", "check", "-config", filepath.Join(folder, "etc", "parley", "parley.yaml"))
			check.Env = []string{"PARLEY_DATA=/data"}
			for key, value := range c.environment(t, name) {
				check.Env = append(check.Env, key+"="+strings.ReplaceAll(value, "/run/secrets", filepath.Join(folder, "run", "secrets")))
			}
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("%s refuses its configuration: %v\n%s", name, err, out)
			}
		})
	}
}
