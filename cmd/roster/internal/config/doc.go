// Package config reads the configuration of a registry node: one table of keys (keys.go)
// from which everything else follows, the flags of roster serve, the names of environment
// variables, the defaults, and the config.yaml at the root of the project, which a test
// holds to the table.
//
// A value comes, in this order, from a flag, from the environment (ROSTER_ and the key in
// capitals, a dot becoming an underscore), from the variables of Roster's ancestors
// (PORT, TLS_CERT_DIR, ...), from the file, or is the default. What a key's name or type
// does not allow is an error of [Load], all of them at once; what its value must not be
// is an error of [Config.Validate], likewise.
//
// This is the only package that imports viper, which keeps the layers. It does not read
// the file: viper knows neither lines nor duplicates, and folds case.
package config
