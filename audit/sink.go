package audit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Sink is where archives go. Behind it should lie a store whose objects nobody can change or
// remove before their time: what is dropped from the database is nowhere else.
type Sink interface {
	// Create begins an archive. name is a path of letters, digits, '-', '.' and '/', and new.
	Create(ctx context.Context, name string) (ArchiveWriter, error)
	// Open reads an archive that was closed. What it gives is verified before anything is
	// dropped, so it should come from the store and no cache.
	Open(ctx context.Context, name string) (io.ReadCloser, error)
}

// ArchiveWriter takes one archive.
type ArchiveWriter interface {
	io.Writer
	// Close returns when the archive will survive a loss of power.
	Close() error
	// Abort throws away what was written, after a failure. Whatever stays is no archive: it has
	// no manifest.
	Abort()
}

// DirSink keeps archives in a folder, a file each, readable for its owner only.
type DirSink struct {
	root string
}

// NewDirSink makes a sink of a folder, which must exist.
func NewDirSink(root string) DirSink { return DirSink{root: root} }

// Create implements [Sink].
func (s DirSink) Create(_ context.Context, name string) (ArchiveWriter, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("archive folder: %w", os.ErrInvalid)
	}
	path := filepath.Join(s.root, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	return &archiveFile{File: file}, nil
}

// Open implements [Sink].
func (s DirSink) Open(_ context.Context, name string) (io.ReadCloser, error) {
	if !filepath.IsLocal(name) {
		return nil, fmt.Errorf("archive folder: %w", os.ErrInvalid)
	}
	return os.Open(filepath.Join(s.root, filepath.FromSlash(name)))
}

// archiveFile is a file that is synced before it is closed, and its folder after it.
type archiveFile struct {
	*os.File
}

// Close implements [ArchiveWriter].
func (f *archiveFile) Close() error {
	if err := errors.Join(f.Sync(), f.File.Close()); err != nil {
		return err
	}
	for folder, levels := filepath.Dir(f.Name()), 0; levels < 3; folder, levels = filepath.Dir(folder), levels+1 {
		if err := syncFolder(folder); err != nil {
			return err
		}
	}
	return nil
}

// syncFolder makes the names in a folder survive a loss of power: of the month, of the tenant,
// and of the root.
func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Abort implements [ArchiveWriter].
func (f *archiveFile) Abort() {
	_ = f.File.Close() // nothing of it counts any more
	_ = os.Remove(f.Name())
}
