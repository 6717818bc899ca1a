package main

import (
	"fmt"
	"io"
	"io/fs"
	"os"
	"runtime"
	"strings"
)

// maxToken is the size of the longest token, in bytes.
const maxToken = 4096

// token returns the administrator's access token, from the file that was named or
// else from the environment. It must be kept secret.
func (c *call) token() (string, error) {
	text, where := os.Getenv("KEYRING_TOKEN"), "KEYRING_TOKEN"
	if c.tokenFile != "" {
		where = c.tokenFile
		data, err := readSecret(c.tokenFile, 2*maxToken)
		if err != nil {
			return "", err
		}
		text = string(data)
	}
	text = strings.TrimSpace(text)
	switch {
	case text == "" && c.tokenFile == "":
		return "", c.usage("put the access token of an administrator into KEYRING_TOKEN, or name its file with -token-file")
	case len(text) > maxToken || text == "" || strings.Trim(text, tokenChars) != "":
		return "", &failure{status: refused, Word: "refused", Message: fmt.Sprintf("keyring: %s does not hold one token and nothing else", where)}
	}
	return text, nil
}

// tokenChars are those that a token may have in a header (RFC 6750, section 2.1).
const tokenChars = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~+/="

// readSecret reads a file that nobody else may read or write, of at most max bytes.
func readSecret(path string, max int64) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	switch mode := info.Mode(); {
	case !mode.IsRegular():
		return nil, &failure{status: refused, Word: "refused", Message: fmt.Sprintf("keyring: %s is not a regular file", path)}
	case mode&exposed != 0 && runtime.GOOS != "windows":
		return nil, &failure{status: refused, Word: "refused", Message: fmt.Sprintf("keyring: %s has mode %04o, so others can get at the token: chmod 600 %s", path, mode.Perm(), path)}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("keyring: %w", err)
	}
	defer f.Close()
	return io.ReadAll(io.LimitReader(f, max))
}

// exposed are the permissions that a file of secrets must not give: all to others,
// and to the group writing.
const exposed fs.FileMode = 0o026
