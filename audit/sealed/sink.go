package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
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
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	if err = root.MkdirAll(path.Dir(name), 0o700); err == nil {
		var file *os.File
		if file, err = root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400); err == nil {
			return &archiveFile{File: file, root: root, name: name}, nil
		}
	}
	return nil, fmt.Errorf("archive folder: %w", errors.Join(err, root.Close()))
}

// Open implements [Sink].
func (s DirSink) Open(_ context.Context, name string) (io.ReadCloser, error) {
	root, err := os.OpenRoot(s.root)
	if err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	file, err := root.Open(name)
	if err = errors.Join(err, root.Close()); err != nil {
		return nil, fmt.Errorf("archive folder: %w", err)
	}
	return file, nil
}

// archiveFile is a file that is synced before it is closed, and its folders after it.
type archiveFile struct {
	*os.File
	root *os.Root
	name string
}

// Close implements [ArchiveWriter].
func (f *archiveFile) Close() error {
	err := errors.Join(f.Sync(), f.File.Close())
	for folder := path.Dir(f.name); err == nil; folder = path.Dir(folder) {
		err = syncFolder(f.root, folder)
		if folder == "." {
			break
		}
	}
	return errors.Join(err, f.root.Close())
}

// syncFolder makes the names in a folder survive a loss of power.
func syncFolder(root *os.Root, name string) error {
	folder, err := root.Open(name)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

// Abort implements [ArchiveWriter].
func (f *archiveFile) Abort() {
	_ = f.File.Close() // nothing of it counts any more
	_ = f.root.Remove(f.name)
	_ = f.root.Close()
}
