package cast

import (
	"errors"
	"fmt"
)

// CheckName says what is wrong with a stream's name, if anything: it is used in a URL as it
// is.
func CheckName(name string) error {
	if name == "" {
		return errors.New("a stream's name must not be empty")
	}
	for _, c := range name {
		ok := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' || c == '.'
		if !ok {
			return fmt.Errorf("stream name %q: only letters, digits, '-', '_' and '.' may be used", name)
		}
	}
	return nil
}
