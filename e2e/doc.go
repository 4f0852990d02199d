// Package e2e tests the whole pipeline on the local stack: the real engine deploys the real program, and the deployed
// functions ingest files. All tests share one stack, as independent loads.
package e2e
