// Package e2e tests the whole pipeline on the local stack: the real engine deploys the real program, and the functions
// that it deployed ingest files. One stack serves all tests; they are independent loads of it.
package e2e
