// Package linefile appends to files of lines that must survive a loss of power.
package linefile

import (
	"errors"
	"os"
)

// ErrHalfLine: the file ends within a line, as a loss of power or a full disk leaves it; whoever mends it decides what
// becomes of that. Until then nothing is appended, for it would stand in no line of its own.
var ErrHalfLine = errors.New("the file ends within a line")

// Append writes a line, which has no end yet, to the end of a file, which is made for its owner alone where it is not
// there, and returns when it is on disk. [ErrHalfLine].
func Append(path string, line []byte) (err error) {
	//nolint:gosec // the host names its own file
	file, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	if size := info.Size(); size > 0 {
		last := make([]byte, 1)
		if _, err := file.ReadAt(last, size-1); err != nil {
			return err
		}
		if last[0] != '\n' {
			return ErrHalfLine
		}
	}
	if _, err := file.Write(append(line, '\n')); err != nil {
		return err
	}
	return file.Sync()
}
