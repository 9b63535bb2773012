package sealed

import (
	"context"
	"fmt"

	"golang.org/x/mod/sumdb/tlog"

	"github.com/chelal/hms/internal/dbx"
)

// blockLevel is the level up to which hashes are computed from leaves: 256 of them.
const blockLevel = 8

// tree reads and extends the hashes of a tenant's log inside one transaction. It implements
// tlog.HashReader.
type tree struct {
	ctx    context.Context //nolint:containedctx // tlog.HashReader passes none
	db     dbx.DB
	size   int64                 // leaves that are stored
	blocks map[int64][]tlog.Hash // leaves of a block of 256, as far as they are stored
	known  map[int64]tlog.Hash   // by stored index: what was added or read
	nodes  []node                // what is to be stored
}

type node struct {
	level    int
	position int64
	hash     tlog.Hash
}

func newTree(ctx context.Context, db dbx.DB, size int64) *tree {
	return &tree{ctx: ctx, db: db, size: size, blocks: map[int64][]tlog.Hash{}, known: map[int64]tlog.Hash{}}
}

// add appends a leaf.
func (t *tree) add(index int64, leaf tlog.Hash) error {
	hashes, err := tlog.StoredHashesForRecordHash(index, leaf, t)
	if err != nil {
		return err
	}
	first := tlog.StoredHashIndex(0, index)
	for level, hash := range hashes {
		t.known[first+int64(level)] = hash
		if level >= blockLevel {
			t.nodes = append(t.nodes, node{level, index >> level, hash})
		}
	}
	return nil
}

// ReadHashes implements tlog.HashReader.
func (t *tree) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	hashes := make([]tlog.Hash, len(indexes))
	for i, index := range indexes {
		hash, ok := t.known[index]
		if !ok {
			var err error
			if hash, err = t.read(tlog.SplitStoredHashIndex(index)); err != nil {
				return nil, err
			}
			t.known[index] = hash
		}
		hashes[i] = hash
	}
	return hashes, nil
}

func (t *tree) read(level int, position int64) (tlog.Hash, error) {
	if level >= blockLevel {
		var hash []byte
		err := t.db.QueryRow(t.ctx, `SELECT hash FROM hms.audit_node WHERE tenant_id = $1 AND level = $2 AND position = $3`,
			t.db.Tenant(), level, position).Scan(&hash)
		if err != nil || len(hash) != tlog.HashSize {
			return tlog.Hash{}, fmt.Errorf("%w (subtree %d of level %d)", ErrLogDamaged, position, level)
		}
		return tlog.Hash(hash), nil
	}
	first := position << level
	block, err := t.block(first >> blockLevel)
	if err != nil {
		return tlog.Hash{}, err
	}
	offset := first % (1 << blockLevel)
	if offset+1<<level > int64(len(block)) {
		return tlog.Hash{}, fmt.Errorf("%w (leaf %d is missing)", ErrLogDamaged, first)
	}
	return subtree(block[offset : offset+1<<level]), nil
}

// subtree gives the hash of a power of two of leaves.
func subtree(leaves []tlog.Hash) tlog.Hash {
	if len(leaves) == 1 {
		return leaves[0]
	}
	half := len(leaves) / 2
	return tlog.NodeHash(subtree(leaves[:half]), subtree(leaves[half:]))
}

// block reads the stored leaves of one block of 256.
func (t *tree) block(number int64) ([]tlog.Hash, error) {
	if known, ok := t.blocks[number]; ok {
		return known, nil
	}
	first := number << blockLevel
	rows, err := t.db.Query(t.ctx, `SELECT leaf_index, hash FROM hms.audit_leaf
		WHERE tenant_id = $1 AND leaf_index >= $2 AND leaf_index < $3 ORDER BY leaf_index`,
		t.db.Tenant(), first, min(first+1<<blockLevel, t.size))
	if err != nil {
		return nil, err
	}
	defer func() { _ = rows.Close() }() // Err below tells what matters
	var leaves []tlog.Hash
	for rows.Next() {
		var index int64
		var hash []byte
		if err := rows.Scan(&index, &hash); err != nil {
			return nil, err
		}
		if index != first+int64(len(leaves)) || len(hash) != tlog.HashSize {
			return nil, fmt.Errorf("%w (leaf %d)", ErrLogDamaged, first+int64(len(leaves)))
		}
		leaves = append(leaves, tlog.Hash(hash))
	}
	t.blocks[number] = leaves
	return leaves, rows.Err()
}

// root gives the hash of the tree of a size.
func (t *tree) root(size int64) (tlog.Hash, error) { return tlog.TreeHash(size, t) }
