package measure

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/camcast/camcast/bench/model"
	"github.com/camcast/camcast/bench/rig"
)

// broker is a RabbitMQ of our own, with its data in a directory that goes with it.
type broker struct {
	// cmd is the server, and names the daemon that Erlang nodes find each other by,
	// which would outlive the server if the server had started it.
	cmd, names *exec.Cmd
	dir        string
	ended      chan struct{} // closed when the server has ended
}

// brokerPatience is how long it may take to start.
const brokerPatience = 60 * time.Second

// Where its own nodes would meet, were there others.
const (
	distributionPort = model.AMQPPort + 1
	namesPort        = model.AMQPPort + 2
)

// startBroker starts one in the sender's namespace.
func startBroker(r *rig.Rig) (*broker, error) {
	dir, err := os.MkdirTemp("", "camcast-rabbitmq-")
	if err != nil {
		return nil, err
	}
	b := &broker{dir: dir}
	if err := b.start(r); err != nil {
		return nil, errors.Join(fmt.Errorf("rabbitmq-server: %w%s", err, b.log()), b.stop())
	}
	return b, nil
}

func (b *broker) start(r *rig.Rig) error {
	config := fmt.Sprintf("loopback_users = none\nlisteners.tcp.1 = %v:%d\nvm_memory_high_watermark.relative = 0.6\n", r.Host(), model.AMQPPort)
	if err := os.WriteFile(filepath.Join(b.dir, "rabbitmq.conf"), []byte(config), 0o644); err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(b.dir, "enabled_plugins"), []byte("[].\n"), 0o644); err != nil {
		return err
	}
	args := rig.Command(r.Near, -1, "epmd", "-address", "127.0.0.1", "-port", strconv.Itoa(namesPort))
	b.names = exec.Command(args[0], args[1:]...)
	b.names.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if err := b.names.Start(); err != nil {
		return err
	}
	server := "/usr/lib/rabbitmq/bin/rabbitmq-server" // the one in PATH changes its user
	if _, err := os.Stat(server); err != nil {
		server = "rabbitmq-server"
	}
	args = rig.Command(r.Near, -1, server)
	b.cmd = exec.Command(args[0], args[1:]...)
	b.cmd.Env = append(os.Environ(), "HOME="+b.dir,
		"RABBITMQ_NODENAME=camcast@localhost", "RABBITMQ_MNESIA_BASE="+b.dir, "RABBITMQ_LOG_BASE="+b.dir,
		"RABBITMQ_CONFIG_FILE="+filepath.Join(b.dir, "rabbitmq.conf"), "RABBITMQ_ENABLED_PLUGINS_FILE="+filepath.Join(b.dir, "enabled_plugins"),
		fmt.Sprintf("RABBITMQ_DIST_PORT=%d", distributionPort), fmt.Sprintf("ERL_EPMD_PORT=%d", namesPort),
	)
	b.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGTERM}
	if err := b.cmd.Start(); err != nil {
		return err
	}
	b.ended = make(chan struct{})
	go func() {
		_ = b.cmd.Wait() // how it ended stands in its log
		close(b.ended)
	}()
	return b.await(r)
}

// await returns when the broker answers.
func (b *broker) await(r *rig.Rig) error {
	tries := time.NewTicker(100 * time.Millisecond)
	defer tries.Stop()
	late := time.After(brokerPatience)
	for {
		err := r.Do(func() error {
			conn, err := net.Dial("tcp", fmt.Sprintf("%v:%d", r.Host(), model.AMQPPort))
			if err == nil {
				err = conn.Close()
			}
			return err
		})
		if err == nil {
			return nil
		}
		select {
		case <-tries.C:
		case <-b.ended:
			return errors.New("has ended")
		case <-late:
			return fmt.Errorf("does not answer: %w", err)
		}
	}
}

// log is the end of what the broker has written.
func (b *broker) log() string {
	data, err := os.ReadFile(filepath.Join(b.dir, "camcast@localhost.log"))
	if err != nil {
		return ""
	}
	lines := strings.Split(strings.TrimSpace(string(data)), "\n")
	return "\n" + strings.Join(lines[max(0, len(lines)-5):], "\n")
}

func (b *broker) pid() int { return b.cmd.Process.Pid }

// freeze has the broker do nothing until it is thawed: even without clients it wakes up now and
// then, which shows in the age of others' frames.
func (b *broker) freeze() error { return signalFamily(syscall.SIGSTOP, b.pid()) }

func (b *broker) thaw() error { return signalFamily(syscall.SIGCONT, b.pid()) }

// signalFamily sends a signal to processes and all their descendants that have not ended
// meanwhile.
func signalFamily(s syscall.Signal, roots ...int) error {
	var errs []error
	for _, pid := range family(roots) {
		if err := syscall.Kill(pid, s); err != nil && err != syscall.ESRCH {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

// pin has all threads of the broker run on one CPU, or on all again if core is negative.
func (b *broker) pin(core int) error {
	cores := "0-" + strconv.Itoa(runtime.NumCPU()-1)
	if core >= 0 {
		cores = strconv.Itoa(core)
	}
	for _, pid := range family([]int{b.pid()}) {
		if out, err := exec.Command("taskset", "-acp", cores, strconv.Itoa(pid)).CombinedOutput(); err != nil {
			return fmt.Errorf("taskset: %w: %s", err, out)
		}
	}
	return nil
}

// stop ends the broker, with the processes it has started, and removes its data.
func (b *broker) stop() error {
	var roots []int
	for _, cmd := range []*exec.Cmd{b.cmd, b.names} {
		if cmd != nil && cmd.Process != nil {
			roots = append(roots, cmd.Process.Pid)
		}
	}
	err := signalFamily(syscall.SIGKILL, roots...)
	if b.names != nil && b.names.Process != nil {
		_ = b.names.Wait() // it was killed
	}
	if b.ended != nil {
		<-b.ended
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}
