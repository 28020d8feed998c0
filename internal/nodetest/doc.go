// Package nodetest runs programs of Node.js in tests of Go: it finds node and npm, installs
// what a package.json names, and builds the roster program that those programs start.
//
// What is missing on the machine is a failure where the environment has CI, and else the
// reason why a test is skipped. Nothing is installed into the project's own folders.
package nodetest
