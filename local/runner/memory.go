package runner

import (
	"os"
	"strconv"
	"strings"
)

// memoryOf reads a process's anonymous memory now and its largest resident size so far, in MB; zeros where the
// system does not tell. Mapped files, such as the binary itself, are not counted in the first.
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
