package runner

import (
	"os"
	"strconv"
	"strings"
)

// memoryOf reads a process's current anonymous memory and its peak resident size, in MB; zeros if the system does not
// report them. The former excludes mapped files, such as the binary itself.
func memoryOf(pid int) (anonymousMB, peakMB int) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/status")
	if err != nil {
		return 0, 0
	}
	for line := range strings.Lines(string(text)) {
		name, value, _ := strings.Cut(line, ":")
		kb, err := strconv.Atoi(strings.TrimSuffix(strings.TrimSpace(value), " kB"))
		if err != nil {
			continue
		}
		switch name {
		case "RssAnon":
			anonymousMB = kb / 1024
		case "VmHWM":
			peakMB = (kb + 1023) / 1024
		}
	}
	return anonymousMB, peakMB
}
