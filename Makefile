.DEFAULT_GOAL := help

help: ## list the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 16

test: ## run all tests, on a PostgreSQL that is found or started
	go test ./...

interop: ## migrate by the real tools: goose, golang-migrate, psql
	go test -C test/interop ./...

race: ## run the concurrency tests under the race detector
	go test -race -count=1 -run Concurrent ./...

golden: ## write what the catalogue must be on a server of this version
	go test ./internal/fingerprint -run TestGolden -update

bench: ## run the benchmarks
	go test -run '^$$' -bench . -benchtime 2s ./...

fuzz: ## fuzz each parser for half a minute
	go test -run '^$$' -fuzz FuzzQuoteLiteral -fuzztime 30s ./internal/dbx
	go test -run '^$$' -fuzz FuzzPage_Position -fuzztime 30s ./hmstype
	go test -run '^$$' -fuzz FuzzReadPatients -fuzztime 30s ./fhir
	go test -run '^$$' -fuzz FuzzVerifyArchive -fuzztime 30s ./audit/proof

lint: ## vet, and golangci-lint where it is installed
	go vet ./...
	golangci-lint run ./...

demo: ## run a hospital's day
	go run ./examples/hospitalday

ci: ## everything that must pass before a change lands
	bash .ci/run

.PHONY: help test interop race golden bench fuzz lint demo ci
