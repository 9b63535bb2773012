package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/chelal/hms/fhir"
	"github.com/chelal/hms/hmstype"
	"github.com/chelal/hms/patient"
)

// roster sends the people who come today: those of the file or folder, or made-up ones. It
// gives the records that could not be read.
func roster(ctx context.Context, o options, people chan<- patient.RegisterInput) (skipped []error, err error) {
	defer close(people)
	left := o.count
	send := func(in patient.RegisterInput) bool {
		if left <= 0 {
			return false
		}
		left--
		select {
		case people <- in:
			return true
		case <-ctx.Done():
			return false
		}
	}
	if o.patients == "" {
		generate(o.seed, o.count, send)
		return nil, nil
	}
	err = filepath.WalkDir(o.patients, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !(strings.HasSuffix(path, ".json") || strings.HasSuffix(path, ".ndjson")) {
			return err
		}
		bad, err := readFile(path, send)
		skipped = append(skipped, bad...)
		return err
	})
	return skipped, err
}

func readFile(path string, send func(patient.RegisterInput) bool) (skipped []error, err error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, file.Close()) }()
	for record, err := range fhir.ReadPatients(file, filepath.Base(path)) {
		if err != nil {
			skipped = append(skipped, fmt.Errorf("%s: %w", filepath.Base(path), err))
			continue
		}
		if !send(record.Input) {
			break
		}
	}
	return skipped, nil
}

var (
	givenNames = []string{
		"Ada", "Amina", "Ben", "Chidi", "Dara", "Elif", "Femi", "Grace", "Hana", "Ivan", "Jun", "Kofi", "Lena", "Mei", "Nuru",
		"Omar",
	}
	familyNames = []string{
		"Abebe", "Bauer", "Chen", "Diaz", "Eze", "Farouk", "García", "Haddad", "Ito", "Juma", "Kim", "Lopez", "Mbeki",
		"Nguyen", "O'Neill", "Petrov",
	}
)

// generate makes up people; the same seed makes the same ones.
func generate(seed uint64, count int, send func(patient.RegisterInput) bool) {
	random := rand.New(rand.NewPCG(seed, 1))
	for i := range count {
		gender := patient.GenderFemale
		if random.IntN(2) == 0 {
			gender = patient.GenderMale
		}
		in := patient.RegisterInput{Details: patient.Details{
			FirstName: givenNames[random.IntN(len(givenNames))], LastName: familyNames[random.IntN(len(familyNames))],
			BirthDate: hmstype.NewDate(1935+random.IntN(90), time.Month(1+random.IntN(12)), 1+random.IntN(28)),
			Gender:    gender, PhoneNumber: fmt.Sprintf("+1 555 %07d", i),
		}}
		if !send(in) {
			return
		}
	}
}
