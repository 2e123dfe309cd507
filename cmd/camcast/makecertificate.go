package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/camcast/camcast/certificate"
	"github.com/camcast/camcast/cmd/commandline"
	"github.com/spf13/pflag"
)

const certificateHead = `camcast certificate makes a certificate for --tls-cert, and its key, without an authority that
vouches for it: viewers know it by its fingerprint, or have a copy of it.

Usage: camcast certificate [flags]
`

const certificateTail = `
It writes cert.pem and key.pem, which only its owner may read, and prints the certificate's
fingerprint (SHA-256). The certificate is valid for 825 days; a camcast that runs reads a new one
on SIGHUP.
Exit status: 0; 1 if something failed; 2 if the command line is wrong.

Examples:
  camcast certificate
  camcast certificate --host cam.example.org --host 192.0.2.7 --out /etc/camcast
  camcast --tls-cert cert.pem --tls-key key.pem
`

// The files of a certificate and its key.
const (
	certificateFile = "cert.pem"
	keyFile         = "key.pem"
)

// makeCertificate is a call of camcast certificate.
type makeCertificate struct {
	console
	hosts []string
	out   string
	force bool
}

// newMakeCertificate is the command as its command line shows it.
func newMakeCertificate(c console) *commandline.Program {
	p := &commandline.Program{
		Name: "camcast certificate", Brief: "make a certificate and its key, for --tls-cert and --tls-key",
		Head: certificateHead, Tail: certificateTail,
	}
	call := &makeCertificate{console: c}
	p.Groups = []commandline.Group{commandline.NewGroup("Flags", func(f *pflag.FlagSet) {
		f.StringArrayVar(&call.hosts, "host", nil, "`NAME` or IP address by which viewers reach this machine; may be repeated (default: its name, localhost and its addresses)")
		f.StringVar(&call.out, "out", ".", "`FOLDER` to write the files to")
		f.BoolVar(&call.force, "force", false, "replace files that exist")
		p.AddHelp(f)
	})}
	p.Run = call.run
	return p
}

// run checks what is given, and makes the certificate.
func (m *makeCertificate) run(args []string) (status int, err error) {
	if len(args) > 0 {
		return 0, fmt.Errorf("%q: names and addresses are given by --host", args[0])
	}
	hosts := m.hosts
	if len(hosts) == 0 {
		hosts = ownHosts()
	}
	made, err := certificate.Make(hosts, time.Now())
	if err != nil {
		return 0, err
	}
	if err := m.write(made); err != nil {
		fmt.Fprintf(m.stderr, "camcast certificate: %s\n", commandline.OneLine(err))
		return commandline.ExitFailure, nil
	}
	if _, err := io.WriteString(m.stdout, m.explain(made, hosts)); err != nil {
		return commandline.ExitFailure, nil
	}
	return commandline.ExitOK, nil
}

// write writes both files. Both are written to others first, so that there is no certificate with
// another one's key for longer than it takes to rename them.
func (m *makeCertificate) write(made certificate.Made) error {
	cert, key := filepath.Join(m.out, certificateFile), filepath.Join(m.out, keyFile)
	for _, path := range []string{cert, key} {
		if _, err := os.Lstat(path); err == nil && !m.force { // any other error is found by writing
			return fmt.Errorf("%s exists: --force replaces it, --out chooses another folder", path)
		}
	}
	newCert, err := writeBeside(cert, 0o644, made.Certificate)
	if err != nil {
		return err
	}
	defer os.Remove(newCert) // if it was not renamed
	newKey, err := writeBeside(key, 0o600, made.Key)
	if err != nil {
		return err
	}
	defer os.Remove(newKey)
	if err := os.Rename(newKey, key); err != nil {
		return err
	}
	return os.Rename(newCert, cert)
}

// writeBeside writes a new file in the folder of path, and returns its name.
func writeBeside(path string, mode fs.FileMode, text []byte) (name string, err error) {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+"-*") // mode 0600
	if err != nil {
		if e, ok := errors.AsType[*fs.PathError](err); ok { // which has the name of the new file
			err = e.Err
		}
		return "", fmt.Errorf("%s: %w", path, err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Chmod(mode), f.Sync(), f.Close()); err != nil {
		return "", errors.Join(err, os.Remove(f.Name()))
	}
	return f.Name(), nil
}

// explain says what was made, and how to use it.
func (m *makeCertificate) explain(made certificate.Made, hosts []string) string {
	cert, key := filepath.Join(m.out, certificateFile), filepath.Join(m.out, keyFile)
	url := "rtsps://" + net.JoinHostPort(hosts[0], fmt.Sprint(defaultRTSPSPort)) + "/" + defaultName(0)
	return fmt.Sprintf(`%s: a certificate for %s, valid until %s
%s: its key, which nobody else may read
SHA-256 fingerprint: %s

To serve it:
  camcast --tls-cert %s --tls-key %s
To watch, on a machine that has a copy of %s, or by its fingerprint:
  camview --tls-ca %s %s
  camview --tls-fingerprint %s %s
`, cert, strings.Join(hosts, ", "), made.Until.UTC().Format(time.DateOnly), key, made.Fingerprint,
		cert, key, certificateFile, certificateFile, url, strings.ReplaceAll(made.Fingerprint, ":", ""), url)
}

// ownHosts is how this machine may be called: its name, if that can be in a certificate, and its
// addresses.
func ownHosts() (hosts []string) {
	if name, err := os.Hostname(); err == nil {
		if _, err := certificate.Make([]string{name}, time.Now()); err == nil {
			hosts = append(hosts, name)
		}
	}
	hosts = append(hosts, "localhost", "127.0.0.1", "::1")
	addresses, err := net.InterfaceAddrs()
	if err != nil { // then without them
		return hosts
	}
	for _, a := range addresses {
		if network, ok := a.(*net.IPNet); ok && !network.IP.IsLoopback() && !network.IP.IsLinkLocalUnicast() {
			hosts = append(hosts, network.IP.String())
		}
	}
	return hosts
}
