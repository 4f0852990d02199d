// Package tfplugin5 is generated client code for Terraform's plugin protocol 5.
//
// Generating needs protoc (Debian: protobuf-compiler); the two Go generators are
// this module's tools.
package tfplugin5

//go:generate sh -c "protoc --plugin=protoc-gen-go=$(go tool -n protoc-gen-go) --plugin=protoc-gen-go-grpc=$(go tool -n protoc-gen-go-grpc) --go_out=. --go_opt=paths=source_relative --go-grpc_out=. --go-grpc_opt=paths=source_relative tfplugin5.proto"
