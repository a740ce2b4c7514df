package nodelet

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	v1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// Reasons of waiting containers, as a real kubelet gives them.
const (
	reasonCreating     = "ContainerCreating"
	reasonInitializing = "PodInitializing"
	reasonErrPull      = "ErrImagePull"
	reasonPullBackOff  = "ImagePullBackOff"
	reasonConfigError  = "CreateContainerConfigError"
	reasonCreateError  = "CreateContainerError"
	reasonCrashLoop    = "CrashLoopBackOff"
)

// container is one container of a pod through all its runs. Fields below the
// line are guarded by the pod's mutex.
type container struct {
	pod     *pod
	spec    *v1.Container
	init    bool // of spec.initContainers
	sidecar bool // an init container that stays

	// ---
	state    v1.ContainerState
	last     v1.ContainerState
	restarts int32
	started  bool
	ready    bool
	finished bool // will not be started again
	process  *process
	env      map[string]string // of the current run
	program  Program
	log      *logFile
	previous *logFile
}

// run starts the container as often as its restart policy wants. It returns when
// it is finished or the pod stops.
func (c *container) run() {
	defer c.update(func() { c.finished, c.ready, c.process = true, false, nil })
	backOff := time.Duration(0)
	for {
		proc := c.startUntilRunning()
		if proc == nil {
			return
		}
		c.attend(proc)
		restart := c.ended(proc)
		if !restart || c.pod.stopCtx.Err() != nil {
			return
		}
		base := c.pod.n.cfg.RestartBackOff
		if proc.ended.Sub(proc.started) > 60*base {
			backOff = 0
		}
		if backOff > 0 {
			msg := fmt.Sprintf("back-off %v restarting failed container=%s pod=%s_%s(%s)", backOff, c.spec.Name, c.pod.name, c.pod.namespace, c.pod.uid)
			c.wait(reasonCrashLoop, msg)
			c.pod.warn("BackOff", msg)
			if !sleep(c.pod.stopCtx, backOff) {
				return
			}
		}
		backOff = min(max(2*backOff, base), 30*base)
		c.update(func() { c.restarts++ })
	}
}

// startUntilRunning retries what can be cured from outside (a missing ConfigMap,
// say) and returns nil when the pod stops first.
func (c *container) startUntilRunning() *process {
	program, err := findProgram(c.pod.n.cfg.Programs, c.spec.Image)
	if err != nil {
		c.failPull(err)
		return nil
	}
	pause := 250 * time.Millisecond
	for c.pod.stopCtx.Err() == nil {
		proc, reason, err := c.start(program)
		if err == nil {
			return proc
		}
		c.wait(reason, err.Error())
		c.pod.warn("Failed", "Error: "+err.Error())
		if !sleep(c.pod.stopCtx, pause) {
			break
		}
		pause = min(2*pause, 10*time.Second)
	}
	return nil
}

// failPull shows the two states that an image which cannot be pulled alternates
// between. The program table does not change, so it waits for the pod's end.
func (c *container) failPull(err error) {
	c.wait(reasonErrPull, err.Error())
	c.pod.warn("Failed", fmt.Sprintf("Failed to pull image %q: %v", c.spec.Image, err))
	if !sleep(c.pod.stopCtx, time.Second) {
		return
	}
	c.wait(reasonPullBackOff, fmt.Sprintf("Back-off pulling image %q: %s: %v", c.spec.Image, reasonErrPull, err))
	c.pod.warn("BackOff", fmt.Sprintf("Back-off pulling image %q", c.spec.Image))
	<-c.pod.stopCtx.Done()
}

// start starts one run and its postStart hook. On failure, reason is what the
// container's waiting state shows.
func (c *container) start(program Program) (proc *process, reason string, err error) {
	p := c.pod
	env, err := c.environment(program)
	if err != nil {
		return nil, reasonConfigError, err
	}
	mounts, err := p.volumes.mounts(c.spec, env)
	if err != nil {
		return nil, reasonConfigError, err
	}
	mounts = append(mounts, p.resolvConf...)
	path, argv := program.command(c.spec.Command, c.spec.Args, env)
	workDir := p.scratch
	if c.spec.WorkingDir != "" {
		workDir = c.spec.WorkingDir
	}
	p.mu.Lock()
	run := c.restarts
	p.mu.Unlock()
	log, err := createLog(filepath.Join(p.n.cfg.Dir, "logs", fmt.Sprintf("%s_%s_%s", p.namespace, p.name, p.uid), fmt.Sprintf("%s_%d.log", c.spec.Name, run)))
	if err != nil {
		return nil, reasonCreateError, err
	}
	proc, err = p.n.launch.start(filepath.Join(p.dir, c.spec.Name+".init.json"), initSpec{
		Hostname: p.hostname, WorkDir: workDir, Path: path, Args: argv, Env: envList(env), Mounts: mounts,
	}, &lineWriter{log: log}, &lineWriter{log: log})
	if err != nil {
		log.close()
		return nil, reasonCreateError, fmt.Errorf("container %s of pod %s/%s: %w", c.spec.Name, p.namespace, p.name, err)
	}
	p.n.log.Debug("container started", "pod", p.namespace+"/"+p.name, "container", c.spec.Name, "pid", proc.cmd.Process.Pid, "ip", p.ip)
	c.update(func() {
		if c.log != nil {
			c.previous = c.log
		}
		c.state = v1.ContainerState{Running: &v1.ContainerStateRunning{StartedAt: metav1.NewTime(proc.started)}}
		c.process, c.env, c.program, c.log = proc, env, program, log
		c.started = c.spec.StartupProbe == nil
		c.ready = c.started && c.spec.ReadinessProbe == nil && c.unprobedPort() == 0
	})
	return proc, "", nil
}

// environment adds what only the nodelet knows to what the manifest says.
func (c *container) environment(program Program) (map[string]string, error) {
	img := parseImage(c.spec.Image)
	base := map[string]string{
		"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/",
		"HOSTNAME": c.pod.hostname, "POD_IP": c.pod.ip.String(), "BIND_ADDRESS": c.pod.ip.String(),
		"NODE_IP": c.pod.n.cfg.NodeIP, "IMAGE": c.spec.Image, "IMAGE_TAG": img.tag,
		"KUBERNETES_SERVICE_HOST": c.pod.n.cfg.APIServerIP, "KUBERNETES_SERVICE_PORT": "443",
		"KUBERNETES_SERVICE_PORT_HTTPS": "443",
	}
	return environment(c.pod.stopCtx, c.pod.n.objects, c.pod.latest(), c.spec, base, program.Env)
}

// attend stays with a running process until it has ended: probes it, and stops
// it when the pod stops or it is found dead.
func (c *container) attend(proc *process) {
	ctx, cancel := context.WithCancel(c.pod.stopCtx)
	defer cancel()
	dead := make(chan deadProbe, 2)
	go func() {
		if h := c.spec.Lifecycle; h != nil && h.PostStart != nil {
			if err := c.hook(ctx, h.PostStart); err != nil && ctx.Err() == nil {
				c.pod.warn("FailedPostStartHook", err.Error())
				dead <- deadProbe{}
				return
			}
		}
		c.probe(ctx, dead)
	}()
	select {
	case <-proc.exited:
	case d := <-dead:
		c.update(func() { c.ready = false })
		c.terminate(proc, time.Now().Add(c.pod.gracePeriod(d.probe)))
	case <-c.pod.stopCtx.Done():
		c.terminate(proc, c.pod.deadline())
	}
	<-proc.exited
}

// deadProbe says that a process has to be killed, and because of which probe.
type deadProbe struct{ probe *v1.Probe }

// terminate ends a process gently until the deadline, then not gently.
func (c *container) terminate(proc *process, deadline time.Time) {
	life := c.pod.lifeCtx
	if h := c.spec.Lifecycle; h != nil && h.PreStop != nil && life.Err() == nil && time.Now().Before(deadline) {
		ctx, cancel := context.WithDeadline(life, deadline)
		if err := c.hook(ctx, h.PreStop); err != nil {
			c.pod.warn("FailedPreStopHook", err.Error())
		}
		cancel()
		// A hook that used up all the time leaves the process two seconds.
		if atLeast := time.Now().Add(2 * time.Second); deadline.Before(atLeast) {
			deadline = atLeast
		}
	}
	if life.Err() == nil {
		_ = proc.kill(syscall.SIGTERM)
		timer := time.NewTimer(time.Until(deadline))
		defer timer.Stop()
		select {
		case <-proc.exited:
			return
		case <-timer.C:
		case <-life.Done():
		}
	}
	_ = proc.kill(syscall.SIGKILL)
	<-proc.exited
}

// ended records how a run ended and whether there will be another one.
func (c *container) ended(proc *process) (restart bool) {
	c.update(func() {
		c.log.close()
		t := &v1.ContainerStateTerminated{
			ExitCode: int32(proc.code), Signal: int32(proc.signal), Reason: "Error",
			StartedAt: metav1.NewTime(proc.started), FinishedAt: metav1.NewTime(proc.ended),
			ContainerID: c.id(),
		}
		if proc.code == 0 {
			t.Reason = "Completed"
		}
		c.state = v1.ContainerState{Terminated: t}
		c.last = v1.ContainerState{Terminated: t}
		c.process, c.ready, c.started = nil, false, false
	})
	c.pod.n.log.Debug("container ended", "pod", c.pod.namespace+"/"+c.pod.name, "container", c.spec.Name, "code", proc.code)
	switch policy := c.pod.latest().Spec.RestartPolicy; {
	case c.sidecar:
		return true
	case c.init:
		return proc.code != 0 && policy != v1.RestartPolicyNever
	case policy == v1.RestartPolicyAlways:
		return true
	case policy == v1.RestartPolicyOnFailure:
		return proc.code != 0
	}
	return false
}

// wait shows why the container is not running.
func (c *container) wait(reason, message string) {
	c.update(func() {
		c.state = v1.ContainerState{Waiting: &v1.ContainerStateWaiting{Reason: reason, Message: message}}
		c.ready = false
	})
}

// update changes guarded fields and has the pod's status reported.
func (c *container) update(change func()) {
	c.pod.mu.Lock()
	change()
	close(c.pod.woken)
	c.pod.woken = make(chan struct{})
	c.pod.mu.Unlock()
	c.pod.changed()
}

// id names the current run, as a runtime's container ID does. The caller holds
// the pod's mutex.
func (c *container) id() string {
	return fmt.Sprintf("nodelet://%s-%s-%d", c.pod.uid, c.spec.Name, c.restarts)
}

// succeeded reports whether the container has ended for good with code 0.
func (c *container) succeeded() bool {
	return c.finished && c.state.Terminated != nil && c.state.Terminated.ExitCode == 0
}

func envList(env map[string]string) []string {
	list := make([]string, 0, len(env))
	for k, v := range env {
		list = append(list, k+"="+v)
	}
	slices.Sort(list)
	return list
}

// sleep returns false if ctx ended first.
func sleep(ctx context.Context, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}

// gone reports whether an API error says that the object does not exist any more.
func gone(err error) bool {
	return apierrors.IsNotFound(err) || apierrors.IsConflict(err) || errors.Is(err, context.Canceled)
}
