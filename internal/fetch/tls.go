package fetch

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"

	"gostore/internal/textfile"
)

// maxCertificates bounds a file of certificates. All authorities that browsers know take a quarter of a megabyte.
const maxCertificates = 16 << 20

// AuthorityError says that a server's certificate was issued by somebody whom neither the system nor Client.Roots knows. On a
// network whose proxy looks into connections that is the proxy's own authority.
type AuthorityError struct {
	Issuer string // as the certificate states it, "" when it does not
	Err    error  // of crypto/x509
}

func (e *AuthorityError) Error() string {
	if e.Issuer == "" {
		return "the server's certificate was issued by an unknown authority"
	}
	return fmt.Sprintf("the server's certificate was issued by %q, an authority that is not known here", e.Issuer)
}

// Unwrap returns what crypto/x509 says.
func (e *AuthorityError) Unwrap() error { return e.Err }

// certificateError explains an error of TLS for which there is something to say.
func certificateError(err error) error {
	var unknown x509.UnknownAuthorityError
	if !errors.As(err, &unknown) {
		return err
	}
	e := &AuthorityError{Err: err}
	if unknown.Cert != nil {
		e.Issuer = printable(unknown.Cert.Issuer.CommonName)
		if e.Issuer == "" && len(unknown.Cert.Issuer.Organization) > 0 {
			e.Issuer = printable(unknown.Cert.Issuer.Organization[0])
		}
	}
	return e
}

// Roots returns the certificate authorities that the system knows (on Linux those that SSL_CERT_FILE and SSL_CERT_DIR name, if they
// do) and those in the file path: certificates in PEM, one after the other. Text between them is fine. Anything else that looks
// like PEM, a certificate that cannot be read, or a file without any is a *textfile.Error with the line.
func Roots(path string) (*x509.CertPool, error) {
	data, err := textfile.Read(path, maxCertificates)
	if err != nil {
		return nil, fmt.Errorf("reading certificates: %w", err)
	}
	pool, err := x509.SystemCertPool()
	if err != nil {
		return nil, fmt.Errorf("reading the system's certificates: %w", err)
	}
	rest, line, found := data, 1, 0
	for {
		start := bytes.Index(rest, []byte("-----BEGIN "))
		if start < 0 {
			break
		}
		line += bytes.Count(rest[:start], []byte("\n"))
		block, after := pem.Decode(rest[start:])
		cert, err := certificate(block)
		if err != nil {
			return nil, &textfile.Error{File: path, Line: line, Msg: err.Error(), Err: err}
		}
		pool.AddCert(cert)
		line += bytes.Count(rest[start:len(rest)-len(after)], []byte("\n"))
		rest, found = after, found+1
	}
	if found == 0 {
		return nil, &textfile.Error{File: path, Line: 1, Msg: "no certificate in it: want PEM, which begins with -----BEGIN CERTIFICATE-----"}
	}
	return pool, nil
}

// certificate reads the certificate of a PEM block, nil for one that is damaged.
func certificate(block *pem.Block) (*x509.Certificate, error) {
	switch {
	case block == nil:
		return nil, errors.New("damaged PEM")
	case block.Type != "CERTIFICATE":
		return nil, fmt.Errorf("want CERTIFICATE, not %q", printable(block.Type))
	}
	cert, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("reading the certificate: %w", err)
	}
	return cert, nil
}
