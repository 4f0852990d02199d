package tfprovider

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
)

// Version is the release of HashiCorp's AWS provider that the Pulumi aws SDK
// v6.83.2 wraps. Another release has another schema.
const Version = "5.100.0"

// EnvPath names the environment variable that points at the provider binary.
const EnvPath = "DIP_TF_AWS_PROVIDER"

// Locate returns the path of the provider binary: $DIP_TF_AWS_PROVIDER, else the
// first found where Terraform keeps its plugins. getenv is os.Getenv's contract.
func Locate(getenv func(string) string, home string) (string, error) {
	if p := getenv(EnvPath); p != "" {
		if err := executable(p); err != nil {
			return "", fmt.Errorf("%s: %w", EnvPath, err)
		}
		return p, nil
	}
	for _, root := range mirrors(getenv, home) {
		pattern := filepath.Join(root, "registry.terraform.io", "hashicorp", "aws", Version,
			runtime.GOOS+"_"+runtime.GOARCH, "terraform-provider-aws*")
		found, err := filepath.Glob(pattern)
		if err != nil {
			return "", fmt.Errorf("look for the AWS provider in %s: %w", root, err)
		}
		for _, p := range found {
			if executable(p) == nil {
				return p, nil
			}
		}
	}
	return "", fmt.Errorf(`Terraform's AWS provider %[1]s (hashicorp/aws) is not on this machine. Get it with
  mkdir -p ~/.terraform.d/plugin-cache && cd "$(mktemp -d)" &&
  echo 'terraform { required_providers { aws = { source = "hashicorp/aws", version = "%[1]s" } } }' > main.tf &&
  TF_PLUGIN_CACHE_DIR=~/.terraform.d/plugin-cache terraform init
or point the environment variable %[2]s at its binary`, Version, EnvPath)
}

func executable(path string) error {
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.Mode().IsRegular() || st.Mode().Perm()&0o111 == 0 {
		return &fs.PathError{Op: "run", Path: path, Err: errors.New("is not an executable file")}
	}
	return nil
}

// mirrors lists the folders that may hold unpacked providers, best first.
func mirrors(getenv func(string) string, home string) []string {
	var dirs []string
	for _, f := range []string{getenv("TF_CLI_CONFIG_FILE"), filepath.Join(home, ".terraformrc"),
		filepath.Join(home, ".tofurc")} {
		// An unreadable file counts as missing: the search continues.
		if b, err := os.ReadFile(f); err == nil {
			dirs = append(dirs, configDirs(string(b), home)...)
		}
	}
	if d := getenv("TF_PLUGIN_CACHE_DIR"); d != "" {
		dirs = append(dirs, d)
	}
	data := getenv("XDG_DATA_HOME")
	if data == "" {
		data = filepath.Join(home, ".local", "share")
	}
	shared := getenv("XDG_DATA_DIRS")
	if shared == "" {
		shared = "/usr/local/share:/usr/share"
	}
	dirs = append(dirs,
		".terraform/providers",
		filepath.Join(home, ".terraform.d", "plugins"),
		filepath.Join(home, ".terraform.d", "plugin-cache"))
	for _, d := range append([]string{data}, filepath.SplitList(shared)...) {
		dirs = append(dirs, filepath.Join(d, "terraform", "plugins"))
	}
	return slices.Concat(dirs, []string{"/usr/local/share/terraform/plugins", "/usr/share/terraform/plugins", "/opt",
		"/opt/*", "/opt/*/*"})
}

var (
	mirrorBlock = regexp.MustCompile(`filesystem_mirror\s*\{[^}]*?\bpath\s*=\s*"([^"]+)"`)
	cacheDir    = regexp.MustCompile(`(?m)^\s*plugin_cache_dir\s*=\s*"([^"]+)"`)
)

// configDirs reads the plugin folders out of a Terraform CLI configuration.
func configDirs(config, home string) []string {
	var dirs []string
	for _, re := range []*regexp.Regexp{mirrorBlock, cacheDir} {
		for _, m := range re.FindAllStringSubmatch(config, -1) {
			dirs = append(dirs, os.Expand(m[1], func(name string) string {
				if name == "HOME" {
					return home
				}
				return os.Getenv(name)
			}))
		}
	}
	return dirs
}
